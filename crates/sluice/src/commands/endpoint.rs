//! `sluice endpoint`

use std::process::ExitCode;

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use crate::{
    client::{Form, Path, Running, block_on, kind::Kind},
    failure::Failure,
};

/// Gives orders about endpoints of a running gateway, whatever its document or a registry says
///
/// They hold at once, across reloads and restarts, until they are taken back. `sluice get endpoints` shows them.
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  sluice endpoint drain users 10.0.0.3:8080\n  \
                              sluice endpoint undrain users 10.0.0.3:8080\n  sluice endpoint weight users 10.0.0.3:8080 5")]
pub(crate) struct Endpoint {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Sends it nothing new; what it has begun, it ends
    #[command(before_long_help = "Example:\n  sluice endpoint drain users 10.0.0.3:8080")]
    Drain(Whom),
    /// Sends it requests again
    #[command(before_long_help = "Example:\n  sluice endpoint undrain users 10.0.0.3:8080")]
    Undrain(Whom),
    /// Gives it another share of the requests
    #[command(before_long_help = "Example:\n  sluice endpoint weight users 10.0.0.3:8080 5")]
    Weight(Weight),
    /// Takes all back that was ordered for it
    #[command(before_long_help = "Example:\n  sluice endpoint clear users 10.0.0.3:8080")]
    Clear(Whom),
}

// Which endpoint. A comment of the type would take the place of those of the orders.
#[derive(Debug, Args)]
struct Whom {
    /// The upstream whose it is
    upstream: String,
    /// Its address, as `sluice get endpoints` shows it
    address: String,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

#[derive(Debug, Args)]
struct Weight {
    /// The upstream whose it is
    upstream: String,
    /// Its address, as `sluice get endpoints` shows it
    address: String,
    /// How much of the requests, compared with the others
    weight: u32,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    running: Running,
}

// === impl Endpoint ===

impl Endpoint {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let (whom, order) = match self.order {
            Order::Drain(whom) => (whom, json!({ "drain": true })),
            Order::Undrain(whom) => (whom, json!({ "drain": false })),
            Order::Clear(whom) => (whom, json!({ "clear": true })),
            Order::Weight(Weight { upstream, address, weight, form, running }) => {
                (Whom { upstream, address, form, running }, json!({ "weight": weight }))
            }
        };
        whom.order(&order)?;
        Ok(ExitCode::SUCCESS)
    }
}

// === impl Whom ===

impl Whom {
    /// Shows how the endpoint is then.
    fn order(self, order: &Value) -> Result<(), Failure> {
        let Self { upstream, address, form, running } = self;
        if address.starts_with("unix:") {
            let hint = "name it in the document, or give its service the order";
            return Err(Failure::Usage(format!("{address}: no order can name a unix socket; {hint}")));
        }
        let (remote, path) = (running.find()?, Path::new(&["upstreams", &upstream, "endpoints", &address]));
        let mut told: Value = block_on(remote.send(Method::PATCH, &path, order.to_string()))?;
        told["upstream"] = upstream.into();
        form.tell(&told, || Kind::Endpoints.table(std::slice::from_ref(&told)).to_string())
    }
}
