//! Delay at a signal with constant arrivals, in closed form.

/// Mean delay of vehicles that arrive evenly at a fixed-time signal, seconds per vehicle: the first term of Webster (1958), Road Research
/// Technical Paper 39, and `d1` of the Highway Capacity Manual (2000), equation 16-11.
///
/// `cycle_s` and the effective green `green_s` in seconds, `flow` and `saturation_flow` in vehicles per second. Above saturation the degree of
/// saturation counts as 1, and a negative flow as 0; without green the delay is infinite, with nothing but green it is 0. No number when an
/// argument is none.
pub fn uniform_delay_s(cycle_s: f64, green_s: f64, flow: f64, saturation_flow: f64) -> f64 {
    if green_s <= 0.0 || cycle_s <= 0.0 || saturation_flow <= 0.0 {
        return f64::INFINITY;
    }
    let split = (green_s / cycle_s).min(1.0);
    let saturation = (flow / (saturation_flow * split)).clamp(0.0, 1.0);
    let free = 1.0 - split * saturation;
    if free <= 0.0 { 0.0 } else { 0.5 * cycle_s * (1.0 - split).powi(2) / free }
}

/// Mean delay of vehicles that arrive at random, seconds per vehicle: uniform delay and the overflow term `d2` of the Highway Capacity Manual
/// (2000), equations 16-9 to 16-12, for an isolated (`I` = 1), pre-timed (`k` = 0.5) signal without an initial queue.
///
/// `period_h` is the length of the analysis period, hours (usually 0.25); with none there is no overflow. The other arguments are those of
/// [`uniform_delay_s`].
pub fn hcm_delay_s(cycle_s: f64, green_s: f64, flow: f64, saturation_flow: f64, period_h: f64) -> f64 {
    let uniform = uniform_delay_s(cycle_s, green_s, flow, saturation_flow);
    if !uniform.is_finite() || period_h <= 0.0 {
        return uniform;
    }
    let capacity = 3600.0 * saturation_flow * (green_s / cycle_s).min(1.0);
    let x = 3600.0 * flow.max(0.0) / capacity;
    let term = (x - 1.0) + ((x - 1.0).powi(2) + 8.0 * 0.5 * x / (capacity * period_h)).sqrt();
    uniform + 900.0 * period_h * term
}
