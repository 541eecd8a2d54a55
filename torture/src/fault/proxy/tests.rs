use super::*;

/// A server that echoes, and a proxy in front of it.
async fn echo() -> Proxy {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut read, mut write) = stream.into_split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    Proxy::start(address).await.unwrap()
}

async fn say(client: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    client.write_all(bytes).await?;
    let mut answer = vec![0; bytes.len()];
    client.read_exact(&mut answer).await?;
    Ok(answer)
}

async fn client(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

#[tokio::test]
async fn it_passes_on_and_counts() {
    let proxy = echo().await;
    let mut one = client(&proxy).await;
    assert_eq!(say(&mut one, b"hello").await.unwrap(), b"hello");
    one.shutdown().await.unwrap();
    assert_eq!(one.read(&mut [0]).await.unwrap(), 0, "the end comes back, too");
    let counts = proxy.until(|counts| counts.opened == 1 && counts.open == 0).await;
    assert_eq!(counts.most_open, 1);
    proxy.count_anew();
    assert_eq!(proxy.counts(), Counts::default());
}

#[tokio::test]
async fn it_is_gone_and_back() {
    let proxy = echo().await;
    let mut old = client(&proxy).await;
    say(&mut old, b"hello").await.unwrap();
    proxy.be_gone(true);
    assert!(say(&mut old, b"hello").await.is_err(), "cut");
    while TcpStream::connect(proxy.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    proxy.be_gone(false);
    let mut new = loop {
        match TcpStream::connect(proxy.address()).await {
            Ok(new) => break new,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    say(&mut new, b"hello").await.unwrap();
    assert!(say(&mut old, b"hello").await.is_err(), "the old one stays cut");
}

#[tokio::test]
async fn while_it_stalls_nothing_comes_and_then_all_does() {
    let proxy = echo().await;
    let mut one = client(&proxy).await;
    say(&mut one, b"hello").await.unwrap();
    proxy.stall(true);
    one.write_all(b"late").await.unwrap();
    let mut answer = [0; 4];
    assert!(timeout(Duration::from_millis(50), one.read_exact(&mut answer)).await.is_err());
    proxy.stall(false);
    one.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"late");
}

#[tokio::test]
async fn a_delay_is_one() {
    let proxy = echo().await;
    let mut one = client(&proxy).await;
    proxy.delay(Duration::from_millis(80));
    let began = tokio::time::Instant::now();
    say(&mut one, b"hello").await.unwrap();
    assert!(began.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn the_commit_or_its_answer_is_lost_once() {
    let proxy = echo().await;
    proxy.lose_commits(2, Lose::Answer);
    for sql in [&b"Q\0\0\0\x0bCOMMIT\0"[..], b"\x07\0\0\0\x03COMMIT"] {
        let mut one = client(&proxy).await;
        say(&mut one, b"text with COMMIT in it").await.unwrap();
        assert!(say(&mut one, sql).await.is_err());
    }
    assert_eq!(proxy.counts().lost_commits, 2);
    let mut two = client(&proxy).await;
    say(&mut two, b"Q\0\0\0\x0bCOMMIT\0").await.unwrap();
    proxy.lose_commits(1, Lose::Request);
    assert!(say(&mut two, b"Q\0\0\0\x0bCOMMIT\0").await.is_err());
}

#[tokio::test]
async fn of_all_commits_the_one_of_a_text_is_lost() {
    const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";
    let proxy = echo().await;
    let (mut one, mut other) = (client(&proxy).await, client(&proxy).await);
    proxy.lose_commit_of("wanted", Lose::Request);
    say(&mut one, b"insert something else").await.unwrap();
    say(&mut one, COMMIT).await.unwrap();
    say(&mut one, b"insert what is wanted").await.unwrap();
    say(&mut other, b"insert something else").await.unwrap();
    say(&mut other, COMMIT).await.unwrap();
    assert!(say(&mut one, COMMIT).await.is_err());
    assert_eq!(proxy.counts().lost_commits, 1);
    say(&mut other, b"insert what is wanted again").await.unwrap();
    say(&mut other, COMMIT).await.unwrap();
}
