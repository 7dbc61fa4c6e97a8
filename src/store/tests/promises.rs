use std::time::Duration;

use object_store::{
    Attribute, AttributeValue, Attributes, Error, ObjectStoreExt as _, PutMode, PutOptions, PutPayload,
};

use crate::store::faults::{Contact, CreateFlaw, FaultPlan, Faults, Last, PutFault};
use crate::store::*;

const SEED: u64 = 7;

fn faulty_memory(runtime: &Runtime) -> (FaultPlan, Arc<dyn ObjectStore>, Arc<dyn ObjectStore>) {
    let plan = FaultPlan::new(runtime);
    let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let outer = plan.wrap(Arc::clone(&inner));
    (plan, outer, inner)
}

async fn open_faulty(configure: impl FnOnce(&FaultPlan)) -> Result<Store, OpenError> {
    let runtime = Runtime::simulated(SEED);
    let (plan, outer, _) = faulty_memory(&runtime);
    configure(&plan);
    Store::open_on(outer, Path::from("some/prefix"), "faulty", &runtime).await
}

async fn create(store: &Arc<dyn ObjectStore>, key: &str) -> Result<(), Error> {
    let payload = PutPayload::from_static(b"x");
    store.put_opts(&Path::from(key), payload, PutMode::Create.into()).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn a_sound_store_is_taken_and_left_empty() {
    let runtime = Runtime::simulated(SEED);
    let (plan, outer, inner) = faulty_memory(&runtime);
    plan.set(Faults { latency: Duration::from_millis(40), ..Faults::default() });
    let store = Store::open_on(outer, Path::from("some/prefix"), "faulty", &runtime).await.expect("opens");
    assert!(store.probe().metadata);
    assert!(store.probe().conditional_update);
    assert_eq!(store.probe().put_p50, Duration::from_millis(40));
    assert!(runtime.tasks.join(Duration::from_secs(10)).await, "it cleans up in the background");
    let left: Vec<_> = futures::StreamExt::collect(inner.list(None)).await;
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(store.path("shards/0").as_ref(), "some/prefix/shards/0");
}

#[tokio::test]
async fn a_local_directory_is_made_and_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made/on/demand");
    let config = Config::new(Backend::Local(Local { path: path.clone(), fsync: true, reserve_bytes: 4096 }));
    let store = open(&config, &Runtime::system(), |_, _| ()).await.expect("opens");
    assert!(!store.probe().metadata);
    assert!(!store.probe().conditional_update);
    assert!(store.probe().put_p99 >= store.probe().put_p50);
    assert!(path.is_dir());
}

#[tokio::test]
async fn a_store_without_metadata_is_asked_for_it_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let config =
        Config::new(Backend::Local(Local { path: folder.path().to_owned(), fsync: false, reserve_bytes: 0 }));
    let store = open(&config, &Runtime::system(), |_, _| ()).await.expect("opens");
    let asked = store.metrics().requests(RequestKind::Put);
    let attribute = (Attribute::Metadata("name".into()), AttributeValue::from("value"));
    let options =
        PutOptions { attributes: Attributes::from_iter([attribute]), ..PutOptions::from(PutMode::Create) };
    let put = store.object_store().put_opts(&Path::from("a"), PutPayload::from_static(b"x"), options).await;
    assert!(matches!(put, Err(Error::NotImplemented { .. })), "{put:?}");
    assert_eq!(store.metrics().requests(RequestKind::Put), asked);
    create(&store.object_store(), "a").await.expect("is created");
    assert_eq!(store.metrics().requests(RequestKind::Put), asked + 1);
}

#[tokio::test]
async fn a_data_path_that_is_a_file_is_an_error_that_names_it() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let config =
        Config::new(Backend::Local(Local { path: file.path().to_owned(), fsync: true, reserve_bytes: 0 }));
    let error = open(&config, &Runtime::system(), |_, _| ()).await.expect_err("must not open").to_string();
    assert!(error.contains(&file.path().display().to_string()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_creates_overwrite_is_refused() {
    let outcome = open_faulty(|plan| plan.flaw_create(CreateFlaw::Overwrites)).await;
    assert!(matches!(outcome, Err(OpenError::Refused(RefusedStore::CreateOverwrites { .. }))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_lets_several_creates_win_is_refused() {
    let outcome = open_faulty(|plan| plan.flaw_create(CreateFlaw::SeveralWin)).await;
    assert!(
        matches!(outcome, Err(OpenError::Refused(RefusedStore::SeveralWinners { winners: 2..=16, .. }))),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_forgets_metadata_is_refused() {
    let outcome = open_faulty(|plan| plan.forget_metadata(true)).await;
    assert!(matches!(outcome, Err(OpenError::Refused(RefusedStore::NoMetadata { .. }))), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_given_up_in_time() {
    let slow = Faults { latency: Duration::from_secs(3600), ..Faults::default() };
    let outcome = open_faulty(|plan| plan.set(slow)).await;
    let error = outcome.expect_err("must not open").to_string();
    assert!(error.contains("no answer within 14 s") && error.contains("create an object"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_refused_with_operation_and_cause() {
    let outcome = open_faulty(|plan| plan.outage(true)).await;
    let error = outcome.expect_err("must not open").to_string();
    assert_eq!(error, "faulty object store: create an object failed: the store is out");
}

#[tokio::test]
async fn requests_are_counted_by_kind_with_their_errors() {
    let runtime = Runtime::simulated(SEED);
    let (plan, outer, _) = faulty_memory(&runtime);
    let store = Store::untested(outer, Path::default(), &runtime);
    let objects = store.object_store();
    create(&objects, "a").await.expect("is created");
    assert!(create(&objects, "a").await.is_err());
    plan.script([PutFault::Error]);
    assert!(create(&objects, "b").await.is_err());
    objects.head(&Path::from("a")).await.expect("is there");
    objects.get_range(&Path::from("a"), 0..1).await.expect("is read");
    let _: Vec<_> = futures::StreamExt::collect(objects.list(None)).await;
    objects.delete(&Path::from("a")).await.expect("is deleted");
    let metrics = store.metrics();
    assert_eq!(metrics.requests(RequestKind::Put), 3);
    assert_eq!(metrics.errors(RequestKind::Put), 1, "a lost race is no error");
    assert_eq!(metrics.requests(RequestKind::Head), 2, "one of them looked behind the refused create");
    for kind in [RequestKind::Get, RequestKind::List, RequestKind::Delete] {
        assert_eq!((kind, metrics.requests(kind), metrics.errors(kind)), (kind, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn scripted_faults_land_as_they_say() {
    let runtime = Runtime::simulated(SEED);
    let (plan, outer, inner) = faulty_memory(&runtime);
    plan.script([PutFault::LostResponse, PutFault::Late(Duration::from_secs(5)), PutFault::Error]);
    for key in ["lost", "late", "error"] {
        assert!(create(&outer, key).await.is_err());
    }
    create(&outer, "fine").await.expect("is created");
    let there = |key: &'static str| {
        let inner = Arc::clone(&inner);
        async move { inner.head(&Path::from(key)).await.is_ok() }
    };
    assert!(there("lost").await && there("fine").await);
    assert!(!there("late").await && !there("error").await);
    runtime.clock.sleep(Duration::from_secs(6)).await;
    assert!(there("late").await && !there("error").await);
}

#[tokio::test(start_paused = true)]
async fn held_puts_wait_and_others_pass() {
    let runtime = Runtime::simulated(SEED);
    let (plan, outer, _) = faulty_memory(&runtime);
    plan.set(Faults { only: Some("log/".to_owned()), ..Faults::default() });
    plan.hold_puts(true);
    create(&outer, "index/a").await.expect("is not held");
    let held = create(&outer, "log/a");
    tokio::pin!(held);
    assert!(runtime.clock.timeout(Duration::from_secs(60), held.as_mut()).await.is_err());
    plan.hold_puts(false);
    held.await.expect("goes on");
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_faults() {
    let outcomes = |seed: u64| async move {
        let runtime = Runtime::simulated(seed);
        let (plan, outer, _) = faulty_memory(&runtime);
        plan.set(Faults { put_errors: 0.3, lost_responses: 0.2, ..Faults::default() });
        let mut outcomes = Vec::new();
        for number in 0..64 {
            outcomes.push(create(&outer, &number.to_string()).await.is_ok());
        }
        outcomes
    };
    assert_eq!(outcomes(1).await, outcomes(1).await);
    assert_ne!(outcomes(1).await, outcomes(2).await);
    let failed = outcomes(3).await.iter().filter(|ok| !**ok).count();
    assert!((15..45).contains(&failed), "{failed} of 64");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_gone_hears_nothing_and_what_it_sent_takes_effect() {
    for (last, lands) in [(Last::Lands, true), (Last::Vanishes, false)] {
        let runtime = Runtime::simulated(SEED);
        let (plan, outer, inner) = faulty_memory(&runtime);
        plan.gone_at(2, last);
        create(&outer, "first").await.expect("is created");
        for key in ["last", "never"] {
            let answer = runtime.clock.timeout(Duration::from_secs(600), create(&outer, key)).await;
            assert!(answer.is_err(), "an answer was heard");
        }
        assert_eq!(inner.head(&Path::from("last")).await.is_ok(), lands);
        assert!(inner.head(&Path::from("never")).await.is_err());
        assert_eq!(plan.requests(), 2, "one that never left does not count");
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_process_hears_the_answer_when_it_goes_on() {
    let runtime = Runtime::simulated(SEED);
    let (plan, outer, inner) = faulty_memory(&runtime);
    plan.set(Faults { latency: Duration::from_secs(1), ..Faults::default() });
    let under_way = create(&outer, "a");
    tokio::pin!(under_way);
    assert!(runtime.clock.timeout(Duration::from_millis(500), under_way.as_mut()).await.is_err());
    plan.contact(Contact::Paused);
    assert!(runtime.clock.timeout(Duration::from_secs(60), under_way.as_mut()).await.is_err());
    assert!(inner.head(&Path::from("a")).await.is_ok(), "what was sent took effect");
    plan.contact(Contact::Full);
    under_way.await.expect("is created");
}

/// As S3 answers creates of one key that race.
#[tokio::test(start_paused = true)]
async fn a_create_that_is_refused_although_nothing_is_there_is_tried_again() {
    let runtime = Runtime::simulated(SEED);
    let (plan, outer, inner) = faulty_memory(&runtime);
    let store = Store::untested(outer, Path::default(), &runtime);
    let objects = store.object_store();
    plan.script([PutFault::Conflict, PutFault::Conflict]);
    create(&objects, "a").await.expect("is created");
    assert!(inner.head(&Path::from("a")).await.is_ok());
    let taken = create(&objects, "a").await;
    assert!(matches!(taken, Err(Error::AlreadyExists { .. })), "what is there is there: {taken:?}");
    plan.set(Faults { conflicts: 1.0, ..Faults::default() });
    let refused = create(&objects, "b").await;
    assert!(matches!(refused, Err(Error::Generic { .. })), "nothing is there: {refused:?}");
    plan.set(Faults { conflicts: 1.0, get_errors: 1.0, ..Faults::default() });
    let unknown = create(&objects, "b").await;
    assert!(matches!(unknown, Err(Error::Generic { .. })), "nobody knows: {unknown:?}");
}

#[tokio::test(start_paused = true)]
async fn conflicts_do_not_fail_the_self_test() {
    for seed in 0..20 {
        let runtime = Runtime::simulated(seed);
        let (plan, outer, _) = faulty_memory(&runtime);
        plan.set(Faults { conflicts: 0.3, latency: Duration::from_millis(1), ..Faults::default() });
        Store::open_on(outer, Path::default(), "faulty", &runtime).await.expect("opens");
    }
}

#[tokio::test]
async fn the_last_that_was_heard_of_the_store_is_kept() {
    let runtime = Runtime::system();
    let (plan, outer, _) = faulty_memory(&runtime);
    let store = Store::untested(outer, Path::default(), &runtime);
    let objects = store.object_store();
    assert_eq!(store.health().failing(), None);
    plan.outage(true);
    let began = runtime.clock.instant();
    assert!(create(&objects, "a").await.is_err() && objects.head(&Path::from("a")).await.is_err());
    let failing = store.health().failing().expect("it fails");
    assert_eq!(failing.cause, "the store is out", "the innermost cause alone");
    assert!(failing.since >= began && failing.since <= runtime.clock.instant());
    plan.outage(false);
    assert!(matches!(objects.head(&Path::from("a")).await, Err(Error::NotFound { .. })));
    assert_eq!(store.health().failing(), None, "that nothing is there is an answer");
}
