use super::*;
use crate::ingest::Item;
use crate::metrics::{Format, Present};
use futures_util::FutureExt as _;

fn publish(qos: QoS, size: usize) -> Publish {
    let topic = Topic::Status(uuid::Uuid::from_u128(1).into(), uuid::Uuid::from_u128(2).into());
    Publish::new(topic.to_string(), qos, vec![b'x'; size])
}

fn connection(connected: &watch::Sender<bool>) -> Connection<'_> {
    let options = MqttOptions::new("test", ("127.0.0.1", 1));
    Connection::new(options, connected, None, Arc::new(Semaphore::new(ROOM_KIB)), Arc::default())
}

#[tokio::test]
async fn of_a_message_that_is_too_large_only_its_size_and_its_beginning_are_kept() {
    const SIZE: usize = 10 * 1024 * 1024;
    let connected = watch::Sender::new(true);
    let connection = connection(&connected);
    let (sender, mut incoming) = mpsc::channel(1);
    let publish = publish(QoS::AtLeastOnce, SIZE);
    connection.hand_over(publish, &sender, &mut Stamps::default()).await.unwrap();
    let message = incoming.recv().await.unwrap();
    assert!(message.payload.capacity() <= MAX_PAYLOAD + 1, "{}", message.payload.capacity());
    assert_eq!(message.size, SIZE);
    let (item, _) = Item::read(message);
    assert_eq!(item.size, SIZE);
    let detail = item.message.unwrap_err().detail;
    assert_eq!(detail, "10485760 bytes are too many; a payload has at most 262144");
}

#[tokio::test]
async fn large_messages_that_are_not_committed_wait_at_the_broker() {
    const SIZE: usize = 200 * 1024;
    let connected = watch::Sender::new(true);
    let connection = connection(&connected);
    let (sender, mut incoming) = mpsc::channel(1024);
    let mut stamps = Stamps::default();
    let mut take = |qos| {
        tokio::task::unconstrained(connection.hand_over(publish(qos, SIZE), &sender, &mut stamps))
            .now_or_never()
    };
    let mut tokens = VecDeque::new();
    while take(QoS::AtLeastOnce).is_some() {
        // Ingest has it in hand, and does not come to commit it.
        tokens.push_back(Item::read(incoming.recv().await.unwrap()).1);
        assert!(tokens.len() * SIZE <= ROOM_KIB * 1024, "{} messages", tokens.len());
    }
    assert!(tokens.len() > 100, "{} messages", tokens.len());
    // What needs no confirmation gives way, and is counted.
    assert!(take(QoS::AtMostOnce).is_some() && incoming.is_empty());
    let present = Present { broker: true, full: false, size: 0, idle: 0, figures: None };
    let figures = connection.metrics.text(&present, Format::Plain).unwrap();
    assert!(figures.contains("flextraff_ingest_messages_total{outcome=\"Dropped\"} 1\n"), "{figures}");
    tokens.pop_front().unwrap().confirm().await;
    assert!(take(QoS::AtLeastOnce).is_some(), "what is committed makes room");
    assert!(take(QoS::AtLeastOnce).is_none());
}
