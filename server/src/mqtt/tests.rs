use super::*;
use crate::ingest::Item;

#[tokio::test]
async fn of_a_message_that_is_too_large_only_its_size_and_its_beginning_are_kept() {
    const SIZE: usize = 10 * 1024 * 1024;
    let connected = watch::Sender::new(true);
    let options = MqttOptions::new("test", ("127.0.0.1", 1));
    let connection = Connection::new(options, &connected, None);
    let (sender, mut incoming) = mpsc::channel(1);
    let topic = Topic::Status(uuid::Uuid::from_u128(1).into(), uuid::Uuid::from_u128(2).into());
    let publish = Publish::new(topic.to_string(), QoS::AtLeastOnce, vec![b'x'; SIZE]);
    connection.hand_over(publish, &sender, &mut Stamps::default()).await.unwrap();
    let message = incoming.recv().await.unwrap();
    assert!(message.payload.capacity() <= MAX_PAYLOAD + 1, "{}", message.payload.capacity());
    assert_eq!(message.size, SIZE);
    let (item, _) = Item::read(message);
    assert_eq!(item.size, SIZE);
    let detail = item.message.unwrap_err().detail;
    assert_eq!(detail, "10485760 bytes are too many; a payload has at most 262144");
}
