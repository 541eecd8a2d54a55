//! What the administrator may do.

use poem::http::Method;
use serde_json::{Value, json};

use super::Stage;

#[tokio::test]
async fn the_administrator_lists_accounts_and_logs_users_out() {
    let stage = Stage::new().await;
    let root = stage.register_admin().await;
    let ada = stage.register("Ada").await;
    for name in ["Adam", "Bob", "Carol"] {
        stage.register(name).await;
    }
    for (method, path) in [
        (Method::GET, "/accounts"),
        (Method::DELETE, "/accounts/account:1"),
        (Method::POST, "/accounts/account:1/logout"),
    ] {
        let (status, problem) = stage.call(&ada, method.clone(), path, None).await;
        assert_eq!((status, &problem["code"]), (403, &json!("forbidden")), "{method} {path}");
        let (status, _, _) = stage.ask(method, path, &[], None).await;
        assert_eq!(status, 401, "{path}");
    }
    let list = async |query: &str| {
        let (status, page) = stage.call(&root, Method::GET, &format!("/accounts{query}"), None).await;
        assert_eq!(status, 200, "{page}");
        page
    };
    let names = |page: &Value| {
        let accounts = page["accounts"].as_array().unwrap().iter();
        accounts.map(|account| account["username"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("?limit=2&{next}")).await;
        seen.extend(names(&page));
        let Some(after) = page["next"].as_str() else { break };
        next = format!("after={after}");
    }
    seen.sort();
    assert_eq!(seen, ["Ada", "Adam", "Bob", "Carol", "root"]);
    let mut found = names(&list("?q=aDA").await);
    found.sort();
    assert_eq!(found, ["Ada", "Adam"]);
    let one = list("?q=root").await;
    let keys: Vec<_> = one["accounts"][0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["admin", "created_at", "user", "username"], "nothing of the password");
    assert_eq!(one["accounts"][0]["admin"], true);
    for bad in ["?limit=0", "?limit=201", "?after=x"] {
        assert_eq!(stage.call(&root, Method::GET, &format!("/accounts{bad}"), None).await.0, 400, "{bad}");
    }
    let me = stage.call(&ada, Method::GET, "/me", None).await.1;
    let id = me["user"].as_str().unwrap();
    let (status, _) = stage.call(&root, Method::POST, &format!("/accounts/{id}/logout"), None).await;
    assert_eq!(status, 204);
    assert!(!stage.is_good(&ada).await);
    let ada = stage.log_in("Ada").await;
    let (status, _) = stage.call(&root, Method::DELETE, &format!("/accounts/{id}"), None).await;
    assert_eq!(status, 204);
    assert!(!stage.is_good(&ada).await);
    assert_eq!(names(&list("?q=ada").await), ["Adam"]);
    for (method, path) in [(Method::DELETE, ""), (Method::POST, "/logout")] {
        let (status, problem) = stage.call(&root, method, &format!("/accounts/{id}{path}"), None).await;
        assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{problem}");
    }
}

#[tokio::test]
async fn the_administrator_acts_as_owner_in_every_room() {
    let stage = Stage::new().await;
    let (root, ada) = (stage.register_admin().await, stage.register("Ada").await);
    let (_, room) = stage.call(&ada, Method::POST, "/rooms", Some(&json!({"name": "hers"}))).await;
    let path = format!("/rooms/{}", room["id"]);
    let bob = stage.register("Bob").await;
    let topic = json!({"topic": "x"});
    assert_eq!(stage.call(&bob, Method::PATCH, &path, Some(&topic)).await.0, 403);
    assert_eq!(stage.call(&root, Method::PATCH, &path, Some(&topic)).await.0, 200);
}
