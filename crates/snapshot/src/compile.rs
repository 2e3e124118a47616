//! Model and kinds to snapshot.
//!
//! Translation lives beside the types that it makes; this file orchestrates and reports. Compiling starts nothing, and
//! what is the same as in the previous snapshot is adopted, so that a reload keeps counters, connections and health.

use std::{collections::HashMap, sync::Arc};

use fetch::secret;
use message::{Token, trace};
use model::{Model, Registered, Report};
use policy::{Chain, Consumers, Origin, Registry};
use route::{BuildError, Table};
use telemetry::UpstreamMetrics;
use upstream::{Upstream, balance::Balancers};

use crate::{
    Debugging, Kinds, Listener, Operators, Places, Settings, Snapshot, around::Around, callers, conflicts::Known,
    expectations, policies::Maker, routes, tls,
};

/// Reports what is wrong with the settings of policies that no route has, which only their kinds can tell.
pub fn check_policies(model: &Model, kinds: &Registry, report: &mut Report) {
    let consumers = Arc::default();
    let check = |origin, policies: &[model::Policy], report: &mut Report| {
        Maker { kinds, origin, captures: None, consumers: &consumers }.check(policies, report);
    };
    check(Origin::Gateway, &model.gateway.policies, report);
    model.listeners.iter().for_each(|listener| check(Origin::Listener, &listener.policies, report));
    model.upstreams.iter().for_each(|upstream| check(Origin::Upstream, &upstream.policies, report));
}

/// Reports balancers that there are not, and what is wrong with the settings of the others, which only their kinds can tell.
pub fn check_balancers<'m>(written: impl IntoIterator<Item = &'m Registered>, kinds: &Balancers, report: &mut Report) {
    written.into_iter().for_each(|written| kinds.check(written, report));
}

/// Compiles `model`, adopting what is the same in `previous`. Reads certificate files; starts nothing.
///
/// `None` if anything stands in the way; `report` then says what, all of it.
pub fn compile(
    model: &Model,
    kinds: &dyn Kinds,
    workers: usize,
    previous: Option<&Snapshot>,
    report: &mut Report,
) -> Option<Snapshot> {
    let (kinds, balancers) = (kinds.policies(), kinds.balancers());
    check_policies(model, kinds, report);
    check_balancers(model.upstreams.iter().filter_map(|upstream| upstream.balance.registered()), balancers, report);
    let prepared = routes::prepare(model, kinds, previous, report);
    callers::check(model, kinds, report);
    let are_kinds_good = !report.has_errors();
    let compiler = Compiler { model, balancers, workers, previous };
    let (table, conflicts) = compiler.table(report).unzip();
    conflicts.iter().for_each(|conflicts: &Known| conflicts.report(model, report));
    if !are_kinds_good {
        return None;
    }
    let consumers = Consumers::new(&model.consumers, previous.map(|previous| &previous.consumers));
    let upstreams = compiler.upstreams(report);
    let settings = settings(&model.gateway, report);
    let around = Around::new(model, kinds, &consumers, previous.map(|previous| &previous.around), report);
    let listeners = compiler.listeners(&around, report);
    let routes = routes::Compiler { model, kinds, consumers: &consumers, around: &around, previous, workers };
    let routes = routes.compile(prepared, report);
    if report.has_errors() {
        return None;
    }
    let snapshot = Snapshot {
        generation: previous.map_or(1, |previous| previous.generation + 1),
        settings,
        listeners,
        table: table?,
        routes,
        upstream_metrics: compiler.upstream_metrics(),
        upstreams,
        operators: Operators::new(&model.operators, previous.map(|previous| &*previous.operators)),
        consumers,
        around,
        places: places(model),
        conflicts: conflicts?,
    };
    expectations::check(&model.tests, &snapshot, report);
    (!report.has_errors()).then_some(snapshot)
}

struct Compiler<'a> {
    model: &'a Model,
    balancers: &'a Balancers,
    workers: usize,
    previous: Option<&'a Snapshot>,
}

// === impl Compiler ===

impl Compiler<'_> {
    fn upstreams(&self, report: &mut Report) -> Box<[Arc<Upstream>]> {
        let mut upstreams = Vec::with_capacity(self.model.upstreams.len());
        for upstream in &self.model.upstreams {
            let previous = self
                .previous
                .and_then(|previous| previous.upstreams.iter().find(|previous| previous.name == upstream.name));
            match Upstream::new(upstream, self.balancers, self.workers, previous) {
                Ok(upstream) => upstreams.push(upstream),
                Err(error) => report.error(&upstream.place, format!("upstream `{}`: {error}", upstream.name)),
            }
        }
        upstreams.into()
    }

    fn upstream_metrics(&self) -> Box<[Arc<UpstreamMetrics>]> {
        let known: HashMap<&str, &Arc<UpstreamMetrics>> = self
            .previous
            .into_iter()
            .flat_map(|previous| previous.upstreams.iter().zip(&previous.upstream_metrics))
            .map(|(upstream, metrics)| (&*upstream.name, metrics))
            .collect();
        let adopt = |upstream: &model::Upstream| match known.get(&*upstream.name) {
            Some(metrics) => Arc::clone(metrics),
            None => Arc::new(UpstreamMetrics::new(self.workers)),
        };
        self.model.upstreams.iter().map(adopt).collect()
    }

    fn listeners(&self, around: &Around, report: &mut Report) -> Box<[Listener]> {
        let mut listeners = Vec::with_capacity(self.model.listeners.len());
        for (listener, own) in self.model.listeners.iter().zip(&around.listeners) {
            let tls = listener.tls.as_ref().and_then(|tls| {
                let refused = |error| report.error(&listener.place, format!("listener `{}`: {error}", listener.name));
                tls::server_config(tls).map_err(refused).ok()
            });
            let (tls, certificates) = tls.unzip();
            listeners.push(Listener {
                name: listener.name.clone(),
                address: listener.address.clone(),
                binding: Listener::binding(&listener.name, &listener.address),
                limits: listener.limits.clone(),
                proxy_protocol: listener.proxy_protocol,
                tls,
                certificates: certificates.unwrap_or_default(),
                chain: Chain::new([around.gateway.attached(), own.attached()].concat()),
            });
        }
        listeners.into()
    }

    /// The table, and which of its routes are in each other's way.
    fn table(&self, report: &mut Report) -> Option<(Arc<Table>, Known)> {
        if let Some(previous) = self.previous.filter(|previous| routes::match_as_before(self.model, previous)) {
            return Some((previous.table.clone(), previous.conflicts.clone()));
        }
        let failed = |error: BuildError| {
            let place = &self.model.routes[error.route].place;
            report.error_with_hint(place, error.to_string(), error.hint());
        };
        let table = Table::build(&self.model.routes).map_err(failed).ok()?;
        let conflicts = Known::of(&self.model.routes, &table);
        Some((Arc::new(table), conflicts))
    }
}

fn places(model: &Model) -> Places {
    Places {
        routes: model.routes.iter().map(|route| route.place.clone()).collect(),
        upstreams: model.upstreams.iter().map(|upstream| upstream.place.clone()).collect(),
    }
}

fn settings(gateway: &model::Gateway, report: &mut Report) -> Settings {
    let forwarded = &gateway.forwarded;
    Settings {
        trusted_proxies: gateway.trusted_proxies.clone().into(),
        forwarded: message::forwarded::Rules {
            via: forwarded.via,
            x_forwarded: forwarded.x_forwarded,
            forwarded: forwarded.forwarded,
        },
        tracing: gateway.tracing.as_ref().map(tracing),
        grace: gateway.grace,
        debug: gateway.debug.as_ref().and_then(|debug| debugging(debug, report)),
        admin_names: gateway.admin_names.clone(),
    }
}

/// A secret that is not there, or that nobody could show, stands in the way.
fn debugging(debug: &model::Debugging, report: &mut Report) -> Option<Debugging> {
    /// As short as nobody guesses.
    const LEAST: usize = 16;
    let made = secret::read(&debug.token, LEAST).map_err(|error| error.to_string()).and_then(|secret| {
        Token::new(secret.expose()).ok_or_else(|| "a field of a request holds visible ASCII only".to_owned())
    });
    match made {
        Ok(token) => Some(Debugging { header: debug.header.clone(), token }),
        Err(why) => {
            report.error(&debug.place, format!("`gateway.debug.token`: {why}"));
            None
        }
    }
}

fn tracing(written: &model::Tracing) -> trace::Rules {
    let whose = |whose| match whose {
        model::Whose::Nobody => trace::Whose::Nobody,
        model::Whose::TrustedProxies => trace::Whose::TrustedProxies,
        model::Whose::Anybody => trace::Whose::Anybody,
    };
    let format = |format: &model::Propagation| match format {
        model::Propagation::W3c => trace::Format::W3c,
        model::Propagation::B3 => trace::Format::B3,
        model::Propagation::B3Multi => trace::Format::B3Multi,
    };
    trace::Rules {
        formats: written.propagate.iter().map(format).collect(),
        continues: whose(written.continues),
        follows: whose(written.sample.parent),
        ratio: trace::Ratio::new(written.sample.ratio),
        errors: written.sample.errors,
        slower_than: written.sample.slower_than,
    }
}
