use super::*;

fn after(order: &[StageIx], may_skip: &[usize], from: usize, wanted: &[usize]) -> Vec<usize> {
    let order = Order::Fixed(order, stages(may_skip));
    order.after(stage(from), |next| stages(wanted).contains(next)).iter().map(StageIx::index).collect()
}

#[test]
fn in_a_free_order_any_other_follows() {
    let order = Order::Free(stages(&[0, 1, 3]));
    assert_eq!(order.after(stage(1), |_| false), stages(&[0, 3]));
}

#[test]
fn in_a_fixed_order_the_next_that_is_wanted_or_must_be_served_follows() {
    let all = [0, 1, 2, 3].map(stage);
    assert_eq!(after(&all, &[0, 1, 2, 3], 1, &[0, 3]), [3]);
    assert_eq!(after(&all, &[0, 1, 3], 1, &[3]), [2]);
    assert_eq!(after(&all, &[0, 1, 2, 3], 3, &[3, 1]), [1]);
    assert_eq!(after(&all, &[0, 1, 2, 3], 3, &[]), [0], "nobody wants anything: the next");
}

#[test]
fn a_stage_that_is_not_in_the_order_is_followed_by_the_next_later_one() {
    let some = [0, 2].map(stage);
    assert_eq!(after(&some, &[0, 2], 1, &[0, 2]), [2]);
    assert_eq!(after(&some, &[0, 2], 3, &[0, 2]), [0]);
    assert_eq!(after(&some[..1], &[0], 3, &[0]), [0]);
}

#[test]
fn an_order_without_another_stage_has_no_next() {
    assert_eq!(after(&[], &[], 0, &[0]), [0; 0]);
    assert_eq!(after(&[stage(2)], &[], 2, &[2]), [0; 0]);
}

#[test]
fn a_set_holds_the_first_32_stages() {
    let set: StageSet = [0, 31, 32, 255].map(stage).into_iter().collect();
    assert_eq!(set.iter().map(StageIx::index).collect::<Vec<_>>(), [0, 31]);
    assert!(!set.contains(stage(32)) && !set.contains(stage(255)));
    assert_eq!(format!("{set:?}"), "{0, 31}");
}
