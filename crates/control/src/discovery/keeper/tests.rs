use proptest::prelude::*;

use super::*;

const HOLD: Duration = Duration::from_secs(30);

/// A keeper with a clock of its own.
struct Trial {
    keeper: Keeper,
    begin: Moment,
    now: Moment,
    /// When sets were swapped in, and how many endpoints they had that get requests.
    swaps: Vec<(Duration, usize)>,
}

impl Trial {
    fn new(known: Option<Answer>) -> Self {
        let begin = Moment { instant: Instant::now(), wall: SystemTime::UNIX_EPOCH };
        let rules = Arc::new(Rules { allow: Vec::new(), own: Vec::new(), hold: HOLD });
        let known = known.map(|answer| (answer, SystemTime::UNIX_EPOCH));
        Self { keeper: Keeper::new(rules, Overrides::new(), known), begin, now: begin, swaps: Vec::new() }
    }

    fn settle(&mut self) {
        if let Some(set) = self.keeper.due(self.now.instant) {
            let serving = set.iter().filter(|endpoint| endpoint.weight > 0).count();
            self.swaps.push((self.now.instant - self.begin.instant, serving));
        }
    }

    fn answered(&mut self, answer: Answer) -> Vec<News> {
        let news = self.keeper.answered(answer, self.now);
        self.settle();
        news
    }

    fn failed(&mut self) -> Vec<News> {
        let news = self.keeper.failed(Failure::new(FailureKind::Unreachable, "nobody is there"), self.now);
        self.settle();
        news
    }

    /// As the driver does it: nothing happens but at the moments that were asked for.
    fn pass(&mut self, time: Duration) -> Vec<News> {
        let end = self.now.instant + time;
        let mut news = Vec::new();
        while let Some(next) = self.keeper.next().filter(|next| *next <= end) {
            self.forward(next.max(self.now.instant));
            news.extend(self.keeper.tick(self.now));
            self.settle();
        }
        self.forward(end);
        news
    }

    fn forward(&mut self, to: Instant) {
        let passed = to - self.now.instant;
        self.now = Moment { instant: to, wall: self.now.wall + passed };
    }

    /// The hosts that get requests.
    fn live(&self) -> Vec<String> {
        let live = self.keeper.live().unwrap_or_default().iter();
        live.filter(|endpoint| endpoint.weight > 0).map(|endpoint| endpoint.address.to_string()).collect()
    }
}

fn instance(number: u8, status: Status) -> Instance {
    Instance {
        id: format!("i{number}").into(),
        address: EndpointAddress::Socket(([10, 0, 0, number], 80).into()),
        weight: 1,
        tier: 0,
        labels: vec![("version".into(), "v1".into())],
        status,
    }
}

fn up(numbers: impl IntoIterator<Item = u8>) -> Answer {
    let instances = numbers.into_iter().map(|number| instance(number, Status::Up)).collect();
    Answer { instances, flaws: Vec::new() }
}

fn addresses(numbers: impl IntoIterator<Item = u8>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("10.0.0.{number}:80")).collect()
}

#[test]
fn an_empty_answer_is_held_and_believed_if_it_stays() {
    let mut trial = Trial::new(None);
    trial.answered(up(1..=4));
    assert_eq!(trial.answered(up([])), [News::Held { has: 0, had: 4 }]);
    trial.pass(HOLD - Duration::from_millis(1));
    assert_eq!(trial.answered(up([1])), [], "still held");
    assert_eq!(trial.live(), addresses(1..=4));
    assert_eq!(trial.pass(Duration::from_millis(1)), [News::Believed { has: 1, had: 4 }]);
    assert_eq!(trial.live(), addresses([1]));
    assert_eq!(trial.keeper.counts().held, 1);
}

#[test]
fn an_answer_that_is_good_releases_what_was_held() {
    let mut trial = Trial::new(None);
    trial.answered(up(1..=4));
    trial.answered(up([]));
    trial.pass(Duration::from_secs(1));
    assert_eq!(trial.answered(up([2, 3, 4, 5])), [News::Released]);
    assert_eq!(trial.live(), addresses(2..=5));
    assert_eq!(trial.pass(HOLD * 2), [], "nothing is left of it");
    assert_eq!(trial.live(), addresses(2..=5));
}

#[test]
fn half_may_go_and_who_drains_is_not_missing() {
    let mut trial = Trial::new(None);
    trial.answered(up(1..=4));
    trial.pass(BETWEEN_SWAPS);
    trial.answered(up([1, 2]));
    assert_eq!(trial.live(), addresses([1, 2]));
    trial.pass(BETWEEN_SWAPS);
    let draining =
        Answer { instances: vec![instance(1, Status::Draining), instance(2, Status::Draining)], flaws: Vec::new() };
    assert_eq!(trial.answered(draining), []);
    assert_eq!(trial.live(), addresses([]));
    assert_eq!(trial.keeper.live().unwrap().len(), 2, "they are there still, for what is under way");
    let down = Answer { instances: vec![instance(1, Status::Down), instance(2, Status::Down)], flaws: Vec::new() };
    assert_eq!(trial.answered(down), [News::Held { has: 0, had: 2 }]);
}

#[test]
fn failures_change_nothing_and_are_told_once() {
    let mut trial = Trial::new(None);
    assert!(trial.keeper.is_stale());
    trial.answered(up([1]));
    assert!(!trial.keeper.is_stale());
    assert!(matches!(trial.failed()[..], [News::Failed(_)]));
    assert_eq!(trial.failed(), []);
    assert!(trial.keeper.is_stale());
    trial.pass(HOLD * 100);
    assert_eq!(trial.live(), addresses([1]));
    assert_eq!(trial.answered(up([1])), [News::Recovered]);
    assert_eq!((trial.keeper.counts().failures[0], trial.keeper.is_stale()), (2, false));
}

/// The registry that fails says nothing any more about what it said before.
#[test]
fn what_is_held_is_not_believed_while_the_registry_fails() {
    let mut trial = Trial::new(None);
    trial.answered(up([1]));
    trial.answered(up([]));
    trial.failed();
    assert_eq!(trial.pass(HOLD * 2), []);
    assert_eq!(trial.live(), addresses([1]));
    assert_eq!(trial.answered(up([])), [News::Recovered, News::Believed { has: 0, had: 1 }]);
}

#[test]
fn what_an_earlier_process_knew_serves_and_is_what_answers_are_judged_beside() {
    let mut trial = Trial::new(Some(up(1..=3)));
    assert_eq!(trial.live(), addresses(1..=3));
    assert!(trial.keeper.is_stale());
    assert_eq!(trial.answered(up([])), [News::Held { has: 0, had: 3 }]);
    assert_eq!(trial.answered(up(2..=4)), [News::Released]);
    assert_eq!((trial.live(), trial.keeper.is_stale()), (addresses(2..=4), false));
}

#[test]
fn what_is_left_out_is_told_when_it_changes() {
    let mut trial = Trial::new(None);
    let mut answer = up([1]);
    answer.instances.push(Instance { id: "x".into(), ..instance(1, Status::Up) });
    answer.flaws.push(upstream::discovery::Flaw { id: "y".into(), detail: "no port".into() });
    let told = News::LeftOut(vec![
        ("x".into(), "10.0.0.1:80".into(), Reason::DoubledAddress),
        ("y".into(), "no port".into(), Reason::Malformed),
    ]);
    assert_eq!(trial.answered(answer.clone()), [told]);
    assert_eq!(trial.answered(answer), []);
    assert_eq!(trial.answered(up([1])), [News::LeftOut(Vec::new())]);
}

#[test]
fn orders_survive_answers() {
    let mut trial = Trial::new(None);
    trial.answered(up(1..=2));
    let address = |number| EndpointAddress::Socket(([10, 0, 0, number], 80).into());
    let weight = Override { weight: Some(7), labels: [("version".into(), "v2".into())].into(), ..Override::default() };
    let drain = Override { drain: true, ..Override::default() };
    trial.keeper.set_overrides([(address(1), weight), (address(3), drain)].into());
    trial.pass(BETWEEN_SWAPS);
    trial.settle();
    trial.answered(up(1..=3));
    trial.pass(BETWEEN_SWAPS);
    let live = trial.keeper.live().unwrap();
    assert_eq!(live.iter().map(|endpoint| endpoint.weight).collect::<Vec<_>>(), [7, 1, 0]);
    assert_eq!(*live[0].labels[0].1, *"v2");
    trial.keeper.set_overrides(Overrides::new());
    trial.settle();
    trial.pass(BETWEEN_SWAPS);
    assert_eq!(trial.live(), addresses(1..=3));
}

#[test]
fn other_rules_judge_what_is_believed() {
    let mut trial = Trial::new(None);
    trial.answered(up(1..=2));
    trial.pass(BETWEEN_SWAPS);
    let rules = Rules { allow: vec!["10.0.0.1/32".parse().unwrap()], own: Vec::new(), hold: HOLD };
    assert!(matches!(trial.keeper.set_rules(&Arc::new(rules))[..], [News::LeftOut(_)]));
    trial.settle();
    assert_eq!(trial.live(), addresses([1]));
}

/// What may happen to a keeper, with the milliseconds that pass before.
#[derive(Debug, Clone)]
enum Event {
    Answered(Vec<(u8, u8)>),
    Failed,
    Nothing,
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let instances = proptest::collection::vec((0..12_u8, 0..8_u8), 0..12);
    let event = prop_oneof![
        6 => instances.prop_map(Event::Answered),
        1 => Just(Event::Failed),
        1 => Just(Event::Nothing),
    ];
    let wait = prop_oneof![0..150_u64, 0..40_000_u64];
    proptest::collection::vec((wait, event), 1..60)
}

fn answer(instances: &[(u8, u8)]) -> Answer {
    let status = |number| match number {
        0 => Status::Down,
        1 => Status::Draining,
        _ => Status::Up,
    };
    let instances = instances.iter().map(|(number, said)| instance(*number, status(*said))).collect();
    Answer { instances, flaws: Vec::new() }
}

proptest! {
    /// Whatever registries say: no two swaps are closer than they may be, what shrinks to less than half did so for as long
    /// as it is held, and failures change nothing.
    #[test]
    fn the_rules_hold(events in events()) {
        let mut trial = Trial::new(None);
        let mut suspicious_since: Option<Instant> = None;
        for (wait, event) in events {
            trial.pass(Duration::from_millis(wait));
            if trial.keeper.held.is_none() {
                suspicious_since = None;
            }
            let had = trial.keeper.present();
            match event {
                Event::Answered(instances) => {
                    let answer = answer(&instances);
                    let has = trial.keeper.rules.judge(&answer).present();
                    trial.answered(answer);
                    if has * 2 >= had {
                        prop_assert_eq!(trial.keeper.present(), has);
                        suspicious_since = None;
                    } else {
                        let since = *suspicious_since.get_or_insert(trial.now.instant);
                        let is_over = trial.now.instant >= since + HOLD;
                        prop_assert_eq!(trial.keeper.present(), if is_over { has } else { had });
                        if is_over {
                            suspicious_since = None;
                        }
                    }
                }
                Event::Failed => {
                    let before = trial.keeper.live().map(<[_]>::to_vec);
                    let wanted = trial.keeper.wanted.clone();
                    trial.keeper.failed(Failure::new(FailureKind::Refused, "no leader"), trial.now);
                    prop_assert_eq!(trial.keeper.live().map(<[_]>::to_vec), before);
                    prop_assert_eq!(&trial.keeper.wanted, &wanted);
                }
                Event::Nothing => {}
            }
        }
        for pair in trial.swaps.windows(2) {
            prop_assert!(pair[1].0 - pair[0].0 >= BETWEEN_SWAPS, "{:?}", trial.swaps);
        }
        // In the end, everything that is believed is in place.
        trial.pass(BETWEEN_SWAPS);
        prop_assert_eq!(&trial.keeper.live, &trial.keeper.wanted);
    }

    /// In which order instances are told means nothing.
    #[test]
    fn order_means_nothing(mut numbers in proptest::collection::vec(0..50_u8, 1..20)) {
        numbers.sort_unstable();
        numbers.dedup();
        let mut trial = Trial::new(None);
        trial.answered(up(numbers.iter().copied()));
        trial.pass(BETWEEN_SWAPS);
        trial.answered(up(numbers.iter().rev().copied()));
        trial.pass(BETWEEN_SWAPS);
        prop_assert_eq!(trial.swaps.len(), 1);
    }

    /// However a service flaps, the first change is there at once, and the last one in the end.
    #[test]
    fn a_service_that_flaps_is_coalesced(changes in proptest::collection::vec(1..20_u8, 2..100)) {
        let mut trial = Trial::new(None);
        for count in &changes {
            // Never less than half, so that nothing is held.
            trial.answered(up(0..20 + count));
            trial.pass(Duration::from_millis(5));
        }
        prop_assert_eq!(trial.swaps[0], (Duration::ZERO, 20 + changes[0] as usize));
        prop_assert!(trial.swaps.len() <= 2 + changes.len() * 5 / 100);
        trial.pass(BETWEEN_SWAPS);
        prop_assert_eq!(trial.live().len(), 20 + changes[changes.len() - 1] as usize);
    }
}
