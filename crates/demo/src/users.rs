//! `users`: JSON, several equal instances that name themselves.

use std::io;

use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::{reply, service::Service};

const NAMES: [&str; 4] = ["Ada", "Grace", "Edsger", "Barbara"];

/// Starts an instance of the users service; every answer carries `"instance": "users-<number>"`.
///
/// The last segment of the path is the user; a path that does not end in a number lists all of them, so that the
/// service answers under whichever prefix a document gives it.
///
/// # Errors
/// When a socket of the loopback interface cannot be bound.
pub async fn users(number: u32) -> io::Result<Service> {
    let name = format!("users-{number}");
    let instance = name.clone();
    Service::start(name, move |request: Request<_>, _| {
        let reply = match last_number(request.uri().path()) {
            None => {
                let all: Vec<Value> = (1..=NAMES.len()).filter_map(user).collect();
                reply::json(StatusCode::OK, &json!({ "instance": instance, "users": all }))
            }
            Some(id) => match user(id) {
                Some(user) => reply::json(StatusCode::OK, &json!({ "instance": instance, "user": user })),
                None => {
                    let error = format!("there is no user {id}");
                    reply::json(StatusCode::NOT_FOUND, &json!({ "instance": instance, "error": error }))
                }
            },
        };
        async move { reply }
    })
    .await
}

fn user(id: usize) -> Option<Value> {
    let name = NAMES.get(id.checked_sub(1)?)?;
    Some(json!({ "id": id, "name": name }))
}

fn last_number(path: &str) -> Option<usize> {
    path.rsplit('/').next()?.parse().ok()
}
