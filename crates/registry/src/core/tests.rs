//! The core beside a model that has no index, no heap and no counters, only a list.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use proptest::prelude::*;

use super::*;

/// One of a few instances of a few services.
type Which = (u8, u8);

#[derive(Debug, Clone)]
enum Step {
    /// With a TTL in seconds.
    Register(Which, u64),
    /// A service of Consul: critical at first, taken out so many seconds after it became so.
    RegisterConsul(Which, u64, Option<u64>),
    Renew(Which),
    Remove(Which),
    Say(Which, Status),
    Override(Which, Option<Status>),
    Fail(Which),
    /// In milliseconds.
    Wait(u64),
    Restart,
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    said: Status,
    overridden: Option<Status>,
    ttl: u64,
    is_lease: bool,
    is_critical: bool,
    remove_after: Option<u64>,
    ends: u64,
    critical_since: u64,
}

#[derive(Default)]
struct Model {
    now: u64,
    known: BTreeMap<Which, Known>,
}

fn which() -> impl Strategy<Value = Which> {
    (0..3_u8, 0..3_u8)
}

fn status() -> impl Strategy<Value = Status> {
    prop::sample::select(Status::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (which(), 1..20_u64).prop_map(|(which, ttl)| Step::Register(which, ttl)),
        3 => (which(), 1..20_u64, prop::option::of(1..20_u64)).prop_map(|(w, ttl, after)| Step::RegisterConsul(w, ttl, after)),
        4 => which().prop_map(Step::Renew),
        1 => which().prop_map(Step::Remove),
        1 => (which(), status()).prop_map(|(which, status)| Step::Say(which, status)),
        1 => (which(), prop::option::of(status())).prop_map(|(which, status)| Step::Override(which, status)),
        2 => which().prop_map(Step::Fail),
        5 => (1..8_000_u64).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

fn key((service, id): Which) -> Key {
    Key::new(&format!("S{service}"), &format!("i{id}-of-{service}"))
}

fn instance(which: Which, checks: Vec<Check>, dialect: Dialect) -> Instance {
    Instance {
        key: key(which),
        host: "127.0.0.1".into(),
        port: 8080,
        weight: 1,
        labels: BTreeMap::new(),
        tags: Vec::new(),
        status: Status::Up,
        overridden: None,
        checks,
        dialect,
        eureka: None,
    }
}

fn leased(which: Which, ttl: u64) -> Instance {
    let lease = Check::lease(&key(which).id, Duration::from_secs(ttl));
    instance(which, vec![lease], Dialect::Rest)
}

fn of_consul(which: Which, ttl: u64, remove_after: Option<u64>) -> Instance {
    let check = Check {
        status: CheckStatus::Critical,
        remove_after: remove_after.map(Duration::from_secs),
        ..Check::lease(&key(which).id, Duration::from_secs(ttl))
    };
    instance(which, vec![check], Dialect::Consul)
}

fn core() -> Core {
    Core::new(Limits::new(Duration::from_mins(5)))
}

impl Model {
    fn register(&mut self, which: Which, ttl: u64, consul: Option<Option<u64>>) {
        let overridden = self.known.get(&which).and_then(|known| known.overridden);
        let known = Known {
            said: Status::Up,
            overridden,
            ttl,
            is_lease: consul.is_none(),
            is_critical: consul.is_some(),
            remove_after: consul.flatten(),
            ends: self.now + ttl * 1000,
            critical_since: self.now,
        };
        self.known.insert(which, known);
    }

    /// Second by second would do as well; this is exact.
    fn wait(&mut self, until: u64) {
        let all: Vec<Which> = self.known.keys().copied().collect();
        for which in all {
            let Some(known) = self.known.get_mut(&which) else { continue };
            if known.is_lease {
                if known.ends <= until {
                    self.known.remove(&which);
                }
                continue;
            }
            if !known.is_critical && known.ends <= until {
                // The core finds out when it is asked, which is when the time has passed.
                (known.is_critical, known.critical_since) = (true, until);
            }
            let is_over = known.remove_after.is_some_and(|after| known.critical_since + after * 1000 <= until);
            if known.is_critical && is_over {
                self.known.remove(&which);
            }
        }
        self.now = until;
    }

    fn statuses(&self) -> BTreeMap<Key, Status> {
        let status = |known: &Known| match known.overridden {
            Some(status) => status,
            None if known.is_critical => Status::Down,
            None => known.said,
        };
        self.known.iter().map(|(which, known)| (key(*which), status(known))).collect()
    }
}

fn statuses(core: &Core) -> BTreeMap<Key, Status> {
    let all = core.services().values().flat_map(|service| service.instances.values());
    all.map(|registered| (registered.instance.key.clone(), registered.status())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_core_does_what_a_list_does(steps in prop::collection::vec(step(), 1..120)) {
        let begin = Instant::now();
        let at = |millis: u64| Moment { at: begin + Duration::from_millis(millis), wall: millis };
        let (mut core, mut model) = (core(), Model::default());
        // What a client of Eureka has, one that waits for changes, and what is on disk.
        let mut copy: HashMap<Key, Status> = HashMap::new();
        let mut seen: HashMap<Arc<str>, u64> = HashMap::new();
        let mut disk: BTreeMap<Key, Instance> = BTreeMap::new();
        for step in steps {
            let (before, index) = (statuses(&core), core.index());
            let now = at(model.now);
            match step {
                Step::Register(which, ttl) => {
                    core.register(leased(which, ttl), now).unwrap();
                    model.register(which, ttl, None);
                }
                Step::RegisterConsul(which, ttl, after) => {
                    core.register(of_consul(which, ttl, after), now).unwrap();
                    model.register(which, ttl, Some(after));
                }
                Step::Renew(which) => {
                    let known = model.known.get_mut(&which);
                    prop_assert_eq!(core.renew(&key(which), now).is_ok(), known.is_some());
                    if let Some(known) = known {
                        (known.is_critical, known.ends) = (false, model.now + known.ttl * 1000);
                    }
                }
                Step::Remove(which) => {
                    prop_assert_eq!(core.remove(&key(which), now).is_ok(), model.known.remove(&which).is_some());
                }
                Step::Say(which, status) => {
                    let known = model.known.get_mut(&which);
                    prop_assert_eq!(core.update(&key(which), now, |instance| instance.status = status).is_ok(), known.is_some());
                    if let Some(known) = known {
                        known.said = status;
                    }
                }
                Step::Override(which, status) => {
                    let known = model.known.get_mut(&which);
                    let updated = core.update(&key(which), now, |instance| instance.overridden = status);
                    prop_assert_eq!(updated.is_ok(), known.is_some());
                    if let Some(known) = known {
                        known.overridden = status;
                    }
                }
                Step::Fail(which) => {
                    let id = format!("service:{}", key(which).id);
                    let known = model.known.get_mut(&which);
                    prop_assert_eq!(core.set_check(&id, CheckStatus::Critical, "", now).is_ok(), known.is_some());
                    if let Some(known) = known && !known.is_critical {
                        (known.is_critical, known.critical_since) = (true, model.now);
                    }
                }
                Step::Wait(millis) => {
                    let until = model.now + millis;
                    let next = core.next_deadline();
                    model.wait(until);
                    let expired = core.expire(at(until));
                    if !expired.is_empty() {
                        prop_assert!(next.is_some_and(|next| next <= at(until).at), "somebody would have slept through it");
                    }
                }
                Step::Restart => {
                    core = Core::new(Limits::new(Duration::from_mins(5)));
                    core.restore(disk.values().map(|instance| (instance.clone(), 0)), index + 1, now);
                    core.begin_leases(now);
                    for known in model.known.values_mut() {
                        (known.ends, known.critical_since) = (model.now + known.ttl * 1000, model.now);
                    }
                    prop_assert_eq!(core.services().values().flat_map(|s| s.instances.values()).filter(|r| r.is_confirmed).count(), 0);
                    copy = statuses(&core).into_iter().collect();
                }
            }
            let after = statuses(&core);
            prop_assert_eq!(&after, &model.statuses());
            for status in Status::ALL {
                prop_assert_eq!(core.count(status), after.values().filter(|other| **other == status).count());
            }
            prop_assert!(core.index() >= index);
            prop_assert!(core.index() > index || before == after, "a change that nobody could see");

            // Whoever waits for a service hears of every change of it.
            for service in 0..3 {
                let service: Arc<str> = format!("s{service}").into();
                let of = |all: &BTreeMap<Key, Status>| {
                    all.iter().filter(|(key, _)| key.service == service).map(|(k, s)| (k.clone(), *s)).collect::<Vec<_>>()
                };
                let was = seen.insert(service.clone(), core.index_of(&service));
                prop_assert!(of(&before) == of(&after) || was != Some(core.index_of(&service)), "{} changed", service);
            }

            // A client of Eureka that asks for differences has the same as one that asks for everything.
            for change in core.changes(at(model.now)) {
                let key = change.instance.instance.key.clone();
                match change.action {
                    Action::Added | Action::Modified => copy.insert(key, change.instance.status()),
                    Action::Deleted => copy.remove(&key),
                };
            }
            prop_assert_eq!(&copy.clone().into_iter().collect::<BTreeMap<_, _>>(), &after);

            for (key, registered) in core.take_touched().instances {
                match registered {
                    Some(registered) => _ = disk.insert(key, registered.instance.clone()),
                    None => _ = disk.remove(&key),
                }
            }
            prop_assert!(disk.keys().eq(after.keys()));
        }
    }
}

fn moment() -> Moment {
    Moment { at: Instant::now(), wall: 1 }
}

fn later(now: Moment, millis: u64) -> Moment {
    Moment { at: now.at + Duration::from_millis(millis), wall: now.wall + millis }
}

#[test]
fn a_heartbeat_in_time_is_as_good_as_a_new_registration() {
    let (mut core, now) = (core(), moment());
    core.register(leased((0, 0), 2), now).unwrap();
    let index = core.index();
    for beat in 1..10 {
        assert_eq!(core.expire(later(now, beat * 1999)), []);
        core.renew(&key((0, 0)), later(now, beat * 1999)).unwrap();
    }
    assert_eq!(core.index(), index, "a heartbeat is no change");
    let expired = core.expire(later(now, 9 * 1999 + 2000));
    assert_eq!(expired, [Expired { key: key((0, 0)), dialect: Dialect::Rest, is_kept: false }]);
    assert!(core.services().is_empty() && core.next_deadline().is_none());
}

#[test]
fn a_service_without_checks_stays() {
    let (mut core, now) = (core(), moment());
    core.register(instance((0, 0), Vec::new(), Dialect::Consul), now).unwrap();
    assert_eq!(core.next_deadline(), None);
    assert_eq!(core.expire(later(now, 1_000_000_000)), []);
    assert_eq!(core.count(Status::Up), 1);
}

#[test]
fn what_operators_said_outlives_a_new_registration() {
    let (mut core, now) = (core(), moment());
    core.register(leased((0, 0), 5), now).unwrap();
    core.update(&key((0, 0)), now, |instance| instance.overridden = Some(Status::Draining)).unwrap();
    let again = core.register(leased((0, 0), 5), now).unwrap();
    assert_eq!(again.status(), Status::Draining);
    core.remove(&key((0, 0)), now).unwrap();
    assert_eq!(core.register(leased((0, 0), 5), now).unwrap().status(), Status::Up);
}

#[test]
fn the_index_of_a_service_that_is_gone_has_moved_on() {
    let (mut core, now) = (core(), moment());
    core.register(leased((0, 0), 5), now).unwrap();
    let seen = core.index_of("s0");
    core.remove(&key((0, 0)), now).unwrap();
    assert!(core.index_of("s0") > seen);
}

#[test]
fn changes_are_told_for_three_minutes() {
    let (mut core, now) = (core(), moment());
    core.register(leased((0, 0), 200), now).unwrap();
    assert_eq!(core.changes(later(now, 179_999)).len(), 1);
    assert_eq!(core.changes(later(now, 180_000)).len(), 0);
}

#[test]
fn there_is_room_for_so_many() {
    let now = moment();
    let mut core = Core::new(Limits { services: 2, instances: 3, max_ttl: Duration::from_mins(5) });
    for which in [(0, 0), (1, 0), (1, 1)] {
        core.register(leased(which, 5), now).unwrap();
    }
    let refused = |core: &mut Core, which| core.register(leased(which, 5), now).unwrap_err().to_string();
    assert_eq!(refused(&mut core, (2, 0)), "there are 2 services already, and no room for more");
    assert_eq!(refused(&mut core, (1, 2)), "there are 3 instances already, and no room for more");
    core.register(leased((1, 1), 6), now).unwrap();
    core.remove(&key((1, 1)), now).unwrap();
    core.register(leased((1, 2), 5), now).unwrap();
}

#[test]
fn what_cannot_be_kept_is_named() {
    let mut core = core();
    let mut check = |change: &dyn Fn(&mut Instance), expected: &str| {
        let mut instance = leased((0, 0), 5);
        change(&mut instance);
        let error = core.register(instance, moment()).unwrap_err();
        assert!(matches!(&error, Refusal::Bad(detail) if detail.contains(expected)), "{error}");
    };
    check(&|i| i.key = Key::new("a b", "x"), "`a b` is no name of a service");
    check(&|i| i.key = Key::new("", "x"), "`` is no name of a service");
    check(&|i| i.key = Key::new("a", "x y"), "`x y` is no id");
    check(&|i| i.key = Key::new("a", &"x".repeat(257)), "1 to 256");
    check(&|i| i.host = "0.0.0.0".into(), "`0.0.0.0` is nowhere");
    check(&|i| i.host = "999.1.1.1".into(), "`999.1.1.1` is nowhere");
    check(&|i| i.host = "a/b".into(), "`a/b` is nowhere");
    check(&|i| i.port = 0, "the port is missing");
    check(&|i| i.weight = 65_536, "more than 65535");
    check(&|i| i.labels = (0..65).map(|n| (n.to_string().into(), "".into())).collect(), "65 labels, at most 64");
    check(&|i| _ = i.labels.insert("a".into(), "x".repeat(513).into()), "the label `a` has 513 bytes");
    check(&|i| _ = i.labels.insert("a".into(), "x\ny".into()), "control characters");
    check(&|i| _ = i.labels.insert("".into(), "x".into()), "no name of a label");
    check(&|i| i.checks = vec![Check::lease("a", Duration::from_millis(999))], "out of bounds: from 1s to 300s");
    check(&|i| i.checks = vec![Check::lease("a", Duration::from_secs(301))], "`gateway.registry.max_ttl`");
    assert_eq!(core.index(), 1, "what is refused is no change");
}
