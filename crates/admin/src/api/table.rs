//! The one table of all that may be asked for below `/api/v1`.

use http::Method;
use revisions::edit::List;
use snapshot::Role;

use super::{
    audit, breakers,
    call::Asks,
    certificates,
    change::{FAILURES, OF_CHANGE},
    config, endpoints, explain, health, keys, log_level, nodes, objects,
    operation::{JSON, Operation, Shape},
    parameters, requests, revisions as kept, series, services, tap, transactions,
};

/// All of them: documents first, then what goes on.
pub(super) fn operations() -> Vec<Operation> {
    let objects = List::ALL.into_iter().flat_map(of_list);
    objects.chain(of_document()).chain(of_keys()).chain(of_state()).collect()
}

/// Of each list of a document.
fn of_list(list: List) -> Vec<Operation> {
    let (all, one) = (list.name(), list.singular());
    let (path, path_of_one) = (format!("/{all}"), format!("/{all}/{{name}}"));
    let (object, patch) = (
        Asks::object("an object", r#"{"name":"a"}"#),
        Asks::object("a merge patch (RFC 7396)", r#"{"key":"value","gone":null}"#),
    );
    vec![
        Operation::get(
            &path,
            format!("list_{all}"),
            format!("The {all} of the document that is live, in its order"),
            move |call| objects::list(call, list),
        )
        .with(objects::OF_LIST)
        .tells(&[(JSON, Shape::ObjectsTold(list))]),
        Operation::take(
            Method::POST,
            &path,
            format!("create_{one}"),
            format!("A new {one}"),
            object,
            move |call, object| objects::create(call, object, list),
        )
        .with(OF_CHANGE)
        .asks_for(Shape::Object(list))
        .or(201)
        .fails(FAILURES)
        .least(to_change(list)),
        Operation::get(
            &path_of_one,
            format!("get_{one}"),
            format!("A {one}, who changes it, and how it is"),
            move |call| objects::get(call, list),
        )
        .tells(&[(JSON, Shape::ObjectTold(list))])
        .or(304),
        Operation::take(
            Method::PUT,
            &path_of_one,
            format!("put_{one}"),
            format!("A {one} as it shall be, whether or not there is one"),
            object,
            move |call, object| objects::put(call, object, list),
        )
        .with(OF_CHANGE)
        .asks_for(Shape::Object(list))
        .or(201)
        .fails(FAILURES)
        .least(to_change(list)),
        Operation::take(
            Method::PATCH,
            &path_of_one,
            format!("patch_{one}"),
            format!("Some keys of a {one} (RFC 7396): `null` takes a key away"),
            patch,
            move |call, patch| objects::patch(call, patch, list),
        )
        .with(OF_CHANGE)
        .asks_for(Shape::Patch)
        .fails(FAILURES)
        .least(to_change(list)),
        Operation::act(
            Method::DELETE,
            &path_of_one,
            format!("delete_{one}"),
            format!("Takes a {one} away"),
            move |call| objects::delete(call, list),
        )
        .with(OF_CHANGE)
        .fails(FAILURES)
        .least(to_change(list)),
    ]
}

/// What somebody must be to change a list: who may do what is for those who may do all.
fn to_change(list: List) -> Role {
    if list.name() == "operators" { Role::Admin } else { Role::Operator }
}

/// Of the document as a whole.
fn of_document() -> Vec<Operation> {
    let document = Asks::document("a document", r#"{"version":1,"routes":[]}"#);
    let transaction =
        Asks::document("a transaction", r#"{"message":"why","edits":[{"do":"delete","list":"routes","name":"a"}]}"#);
    vec![
        Operation::get("/config", "get_config", "The document that is live, or what the API keeps of it", config::get)
            .with(config::OF_GET)
            .tells(&[(JSON, Shape::DocumentTold)])
            .or(304)
            .fails(&[503]),
        Operation::take(Method::PUT, "/config", "put_config", "All that the API keeps, at once", document, config::put)
            .with(OF_CHANGE)
            .asks_for(Shape::Document)
            .fails(FAILURES),
        Operation::take(
            Method::POST,
            "/transactions",
            "post_transaction",
            "Several edits, all or none",
            transaction,
            transactions::post,
        )
        .with(OF_CHANGE)
        .fails(FAILURES),
        Operation::get("/revisions", "list_revisions", "Every change that is remembered, the newest first", kept::list)
            .with(kept::OF_LIST)
            .or(304)
            .fails(&[503]),
        Operation::get("/revisions/{number}", "get_revision", "What the API kept after a change", kept::get)
            .or(304)
            .fails(&[422, 503]),
        Operation::get(
            "/revisions/{number}/diff",
            "diff_revisions",
            "What a later revision says otherwise",
            kept::diff,
        )
        .with(kept::OF_DIFF)
        .fails(&[422, 503]),
        Operation::act(
            Method::POST,
            "/revisions/{number}/rollback",
            "rollback",
            "What the API kept then, as a new revision",
            kept::rollback,
        )
        .with(OF_CHANGE)
        .fails(FAILURES),
    ]
}

/// Of the keys of consumers.
fn of_keys() -> Vec<Operation> {
    let path = "/consumers/{name}/keys";
    let (make, rotate) = (
        Asks::object("an order", r#"{"id":"ci","not_after":"2030-01-01"}"#).or_nothing(),
        Asks::object("an order", r#"{"overlap":"24h"}"#).or_nothing(),
    );
    vec![
        Operation::get(path, "list_keys", "The keys of a consumer, by their hashes", keys::list),
        Operation::take(Method::POST, path, "make_key", "A new key, which is told this once", make, keys::make)
            .goes_well(201)
            .fails(FAILURES),
        Operation::take(
            Method::POST,
            "/consumers/{name}/rotate",
            "rotate_keys",
            "A new key in place of the others, which hold on for a while",
            rotate,
            keys::rotate,
        )
        .goes_well(201)
        .fails(FAILURES),
        Operation::act(Method::DELETE, format!("{path}/{{id}}"), "revoke_key", "Takes a key away", keys::revoke)
            .fails(FAILURES),
    ]
}

/// Of the gateway as it runs.
fn of_state() -> Vec<Operation> {
    let breaker = Asks::object("an order", r#"{"upstream":"users","mode":"forced_open"}"#).also_as_form();
    let question =
        Asks::object("a question", r#"{"method":"GET","url":"http://api.example.com/users/7"}"#).also_as_form();
    let level = Asks::object("an order", r#"{"level":"debug","target":"proxy","for":"10m"}"#).also_as_form();
    let service =
        Asks::object("an order", r#"{"service":"orders","endpoint":"10.0.0.7:80","drain":true}"#).also_as_form();
    let endpoint = Asks::object("an order", r#"{"weight":5,"drain":false,"labels":{"canary":"yes"}}"#);
    vec![
        Operation::get(
            "/upstreams/{name}/endpoints",
            "list_endpoints",
            "The endpoints of an upstream as they are, wherever they were found",
            endpoints::list,
        ),
        Operation::take(
            Method::PATCH,
            "/upstreams/{name}/endpoints/{address}",
            "order_endpoint",
            "Gives an order about an endpoint, which holds whatever the document or a registry says",
            endpoint,
            endpoints::order,
        )
        .fails(&[422, 503]),
        Operation::get("/audit", "list_audit", "Who changed what, and who tried in vain", audit::list)
            .with(audit::OF_LIST)
            .fails(&[500]),
        Operation::get("/breakers", "list_breakers", "What every circuit breaker does", breakers::list),
        Operation::take(
            Method::POST,
            "/breakers",
            "order_breakers",
            "Gives circuit breakers an order",
            breaker,
            breakers::order,
        )
        .fails(&[422]),
        Operation::get(
            "/certificates",
            "list_certificates",
            "The certificates that listeners and upstreams show, without their keys; the one that ends first is in front",
            certificates::list,
        ),
        Operation::take(
            Method::POST,
            "/explain",
            "explain",
            "Why a request goes where it goes; nothing is sent",
            question,
            explain::explain,
        )
        .fails(&[422])
        .least(Role::Viewer),
        Operation::get("/health", "list_health", "How the endpoints are whose health is looked after", health::health),
        Operation::get("/log-level", "get_log_level", "How much the program says about itself", log_level::told),
        Operation::take(Method::PUT, "/log-level", "put_log_level", "Has more or less said", level, log_level::order),
        Operation::get("/nodes", "list_nodes", "The gateways that share the document", nodes::list),
        Operation::get("/requests", "list_requests", "The newest requests, the newest first", requests::list)
            .with(parameters::OF_LIST)
            .fails(&[409]),
        Operation::get("/requests/{id}", "get_request", "What happened to one request, and why", requests::one)
            .with(requests::OF_ONE)
            .tells(&[(JSON, Shape::told::<requests::OneTold>()), ("text/plain", Shape::Any)])
            .fails(&[409]),
        Operation::get("/series", "get_series", "The last hour of a thing, interval by interval", series::series)
            .with(series::OF_SERIES)
            .fails(&[404]),
        Operation::get("/services", "list_services", "What was found in registries", services::list),
        Operation::take(
            Method::POST,
            "/services",
            "order_services",
            "Gives an order about a service",
            service,
            services::order,
        )
        .fails(&[422, 500]),
        Operation::get("/tap", "tap", "Requests as they end, a line each", tap::tap)
            .with(parameters::OF_TAP)
            .tells(&[("application/x-ndjson", Shape::Any), ("text/event-stream", Shape::Any)])
            .fails(&[409]),
        Operation::get("/top", "get_top", "Who had the most requests in the last minute", series::top)
            .with(series::OF_TOP),
    ]
}
