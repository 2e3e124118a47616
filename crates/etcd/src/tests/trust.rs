//! Users and TLS.

use model::{CertificateFiles, Secret, UpstreamTls, values::SecretSource};
use testkit::{
    certs::Authority,
    etcd::{Member, Settings},
};
use upstream::discovery::FailureKind;

use super::{Followed, Members, PREFIX, key, settings};

const USER: &str = "gateway";
const PASSWORD: &str = "correct horse";

fn as_user(etcd: &Member, password: &str) -> Members {
    let user = Some((USER.into(), SecretSource::Text(Secret::new(password))));
    Members::new(model::Etcd { user, ..settings([&*etcd.url()]) })
}

#[tokio::test]
async fn users_are_let_in_and_others_denied() {
    let etcd = Member::start().await;
    etcd.api().await.put(&key("a"), "1").await;
    etcd.enable_auth(USER, PASSWORD, PREFIX).await;

    let mut known = Followed::start(&as_user(&etcd, PASSWORD));
    known.until(|seen| seen.keys.get(key("a").as_bytes()).is_some()).await;
    let mut wrong = Followed::start(&as_user(&etcd, "wrong"));
    assert_eq!(wrong.fails(0).await, FailureKind::Denied);
    let mut nobody = Followed::start(&Members::new(settings([&*etcd.url()])));
    assert_eq!(nobody.fails(0).await, FailureKind::Denied);
    let told = wrong.seen.borrow().failures[0].detail.clone();
    assert!(told.contains("authentication failed") && !told.contains("wrong"), "{told}");
    assert_eq!((wrong.seen.borrow().told, nobody.seen.borrow().told), (0, 0));

    // What was granted is taken away: the key is no longer this user's business.
    let root = format!("--user=root:{PASSWORD}");
    etcd.ctl(&[&root, "role", "revoke-permission", "--prefix=true", USER, PREFIX]).await;
    let mut revoked = Followed::start(&as_user(&etcd, PASSWORD));
    assert_eq!(revoked.fails(0).await, FailureKind::Denied);
}

#[tokio::test]
async fn a_token_that_is_no_longer_good_is_replaced() {
    let etcd = Member::start().await;
    etcd.enable_auth(USER, PASSWORD, PREFIX).await;
    let members = as_user(&etcd, PASSWORD);
    let mut first = Followed::start(&members);
    first.until(|seen| seen.told > 0).await;
    // Tokens that this user was given are not good any more; the password is.
    let root = format!("--user=root:{PASSWORD}");
    etcd.ctl(&[&root, "user", "delete", USER]).await;
    etcd.ctl(&[&root, "user", "add", &format!("{USER}:{PASSWORD}")]).await;
    etcd.ctl(&[&root, "user", "grant-role", USER, USER]).await;
    // The session is the one of before.
    let mut second = Followed::start(&members);
    etcd.ctl(&[&format!("--user={USER}:{PASSWORD}"), "put", &key("a"), "1"]).await;
    second.until(|seen| seen.keys.get(key("a").as_bytes()).is_some()).await;
    assert_eq!(second.failures(), 0);
}

#[tokio::test]
async fn a_user_is_no_hindrance_where_there_are_none() {
    let etcd = Member::start().await;
    let mut followed = Followed::start(&as_user(&etcd, PASSWORD));
    followed.until(|seen| seen.told > 0).await;
    assert_eq!(followed.failures(), 0);
}

#[tokio::test]
async fn certificates_are_shown_and_wanted() {
    let authority = Authority::new();
    let etcd = Settings::default().tls(&authority).start().await;
    etcd.ctl(&["put", &key("a"), "1"]).await;
    let client = authority.client("gateway");
    let tls = |ca, client_certificate| UpstreamTls { server_name: None, ca, client_certificate };
    let with = |tls| Members::new(model::Etcd { tls, ..settings([&*etcd.url()]) });

    let shown = CertificateFiles { cert: client.cert, key: client.key };
    let mut known = Followed::start(&with(tls(Some(authority.ca()), Some(shown.clone()))));
    known.until(|seen| seen.keys.get(key("a").as_bytes()).is_some()).await;
    etcd.ctl(&["put", &key("b"), "1"]).await;
    known.until(|seen| seen.keys.get(key("b").as_bytes()).is_some()).await;
    assert_eq!(known.failures(), 0);

    let nowhere = authority.directory().join("nowhere.pem");
    for (what, tls) in [
        ("no certificate", tls(Some(authority.ca()), None)),
        ("another authority", tls(Some(Authority::new().ca()), Some(shown.clone()))),
        ("the authorities of the system", tls(None, Some(shown.clone()))),
        ("no such file", tls(Some(nowhere), Some(shown.clone()))),
    ] {
        let mut stranger = Followed::start(&with(tls));
        assert_eq!(stranger.fails(0).await, FailureKind::Unreachable, "{what}");
        assert_eq!(stranger.seen.borrow().told, 0, "{what}");
    }
}
