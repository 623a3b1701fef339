//! The programs of the examples end to end against `weft serve`, on both databases: started, told, worked on and asked
//! through the command line and the API as users do; and new versions of one while its runs are under way. What they
//! leave must be the histories beside the examples.

#[path = "upgrade/world.rs"]
mod world;

use serde_json::{Value, json};

use world::World;

#[tokio::test]
async fn programs_leave_their_histories_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("weft.db").display());
    programs(&mut World::new(&store).await).await;
}

#[tokio::test]
async fn programs_leave_their_histories_on_postgres() {
    let database = weft_tests::postgres::database().await;
    programs(&mut World::new(database.url()).await).await;
}

#[tokio::test]
async fn runs_meet_new_versions_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("weft.db").display());
    versions(&mut World::new(&store).await).await;
}

#[tokio::test]
async fn runs_meet_new_versions_on_postgres() {
    let database = weft_tests::postgres::database().await;
    versions(&mut World::new(database.url()).await).await;
}

async fn programs(world: &mut World) {
    purchase_order(world).await;
    order_with_children(world).await;
    dataset(world).await;
    trial(world).await;
    report(world).await;
}

async fn purchase_order(world: &mut World) {
    world.deploys("purchase_order", &world.example("purchase_order"));
    let start = ["start", "purchase_order", "po_id=7", "amount=199.90", "requester=ann"];
    assert_eq!(world.weft(&start).trim(), "purchase-order-7");
    world.complete("purchasing", "notify_approver", "purchase-order-7", Value::Null).await;
    world.event("purchase-order-7", "TimerStarted").await;
    world.weft(&["signal", "purchase-order-7", "escalate", "reason=urgent"]);
    assert_eq!(world.weft(&["query", "purchase-order-7", "status"]).trim(), "\"escalated:urgent\"");
    world.weft(&["signal", "purchase-order-7", "approve", "approved=true", "approver_id=bob", "comment=ok"]);
    world.complete("purchasing", "submit_purchase_order", "purchase-order-7", json!("SUP-7")).await;
    assert_eq!(world.result("purchase-order-7"), json!({ "kind": "Submitted", "reference": "SUP-7" }));
    world.history_is_that_of("purchase_order", "purchase-order-7");
}

async fn order_with_children(world: &mut World) {
    world.deploys("fulfilment", &world.example("fulfilment"));
    let input = world.file_of("fulfilment", "order.json");
    assert_eq!(world.weft(&["start", "order", "--input", &input]).trim(), "order-7");
    let (lamp, desk) = ("fulfilment-7-lamp", "fulfilment-7-desk");
    world.events("order-7", "ChildStarted", 2).await;
    for (child, warehouse, product, quantity) in [(lamp, "north", "lamp", 2), (desk, "south", "desk", 1)] {
        let reservation = json!({ "reservation": format!("{product}-{quantity}") });
        world.complete("fulfilment", "reserve_inventory", child, reservation).await;
        let shipment = json!({ "shipment_id": format!("ship-{warehouse}-{product}-{quantity}"), "carrier": "post" });
        world.complete("fulfilment", "create_shipment", child, shipment).await;
        world.result(child);
        world.event("order-7", "ChildCompleted").await;
    }
    assert_eq!(world.result("order-7")[1]["shipment_id"], "ship-south-desk-1");
    world.history_is_that_of("fulfilment", "order-7");
}

async fn dataset(world: &mut World) {
    world.deploys("dataset", &world.example("dataset"));
    world.weft(&["start", "process_dataset", "file=cities.csv", "batch=10", "--id", "cities"]);
    world.complete("etl", "row_count", "cities", json!(45)).await;
    for bad in [1, 2, 0, 0, 1] {
        world.complete("etl", "process_rows", "cities", json!(bad)).await;
    }
    assert_eq!(world.result("cities"), json!({ "rows": 45, "errors": 4 }));
    world.history_is_that_of("dataset", "cities");
}

async fn trial(world: &mut World) {
    world.deploys("trial", &world.queued("trial"));
    world.weft(&["start", "trial_expiry", "user_id=ann", "trial=3s", "notice=1s", "--id", "ann"]);
    world.complete("shop", "send_onboarding_email", "ann", Value::Null).await;
    world.complete("shop", "send_expiry_warning", "ann", Value::Null).await;
    world.complete("shop", "has_subscription", "ann", json!(false)).await;
    world.complete("shop", "downgrade_to_free", "ann", Value::Null).await;
    assert_eq!(world.result("ann"), json!("Downgraded"));
    world.history_is_that_of("trial", "ann");
}

/// A schedule: paused, triggered, made up for over a change of the clocks one run after the other, resumed, and gone with
/// its declaration.
async fn report(world: &mut World) {
    let sales = json!([
        { "product": "lamp", "quantity": 3, "price": "19.99" },
        { "product": "desk", "quantity": 1, "price": "249" },
        { "product": "chair", "quantity": 4, "price": "59.5" },
    ]);
    let program = world.queued("report");
    world.deploys("report", &program);
    world.weft(&["schedule", "pause", "daily_revenue", "--note", "stock-taking"]);
    world.weft(&["schedule", "trigger", "daily_revenue"]);
    let triggered = world.schedule("daily_revenue")["recent"][0]["workflow_id"].as_str().expect("an id").to_owned();
    let (friday, monday) = ("daily_revenue-2026-10-23T07:00:00Z", "daily_revenue-2026-10-26T08:00:00Z");
    let range = ["--from", "2026-10-23T00:00:00Z", "--to", "2026-10-26T23:00:00Z", "--overlap", "buffer_all"];
    world.weft(&[&["schedule", "backfill", "daily_revenue"], &range[..]].concat());
    for id in [triggered.as_str(), friday, monday] {
        world.complete("shop", "read_sales", id, sales.clone()).await;
        world.complete("shop", "publish", id, Value::Null).await;
        assert_eq!(world.result(id), json!({ "sales": 3, "revenue": "546.97" }));
        world.history_is_that_of("report", id);
    }
    let told = world.schedule("daily_revenue");
    let run = |at: usize| (&told["recent"][at]["cause"], &told["recent"][at]["workflow_id"]);
    assert_eq!(run(0), (&json!("trigger"), &json!(triggered)));
    assert_eq!([run(1).1, run(2).1], [friday, monday]);
    assert_eq!(told["schedule"]["note"], "stock-taking");
    assert_eq!(told["schedule"]["next"], Value::Null, "it is paused");
    world.weft(&["schedule", "resume", "daily_revenue"]);
    assert!(world.schedule("daily_revenue")["schedule"]["next"].is_string());

    let begins = program.find("/// Every working day").expect("the example is as this test knows it");
    let ends = program.find("test \"money").expect("the example is as this test knows it");
    world.deploys("report", &(program[..begins].to_owned() + &program[ends..]));
    let (code, _, err) = world.try_weft(&["schedule", "describe", "daily_revenue"]);
    assert!(code == 5 && err.contains("daily_revenue"), "{code} {err}");
}

/// The versions of the fulfilment of an order: before the two patches, with them, and with their code but without them.
struct Versions {
    before: String,
    patched: String,
    unpatched: String,
}

impl Versions {
    fn of(world: &World) -> Versions {
        let patched = world.queued("versions");
        let fraud = "  patch \"fraud-check-v2\" {\n    if check_fraud(order_id).flagged { return BlockedFraud }\n  }\n";
        let points = "  patch \"loyalty-points-v3\" { award_points(order_id, payment.amount_cents) }\n";
        assert!(patched.contains(fraud) && patched.contains(points), "the example is as this test knows it");
        let unpatched = patched
            .replace(fraud, "  if check_fraud(order_id).flagged { return BlockedFraud }\n")
            .replace(points, "  award_points(order_id, payment.amount_cents)\n");
        let before = patched.replace(fraud, "").replace(points, "");
        Versions { before, patched, unpatched }
    }
}

async fn versions(world: &mut World) {
    let all = Versions::of(world);
    without_a_move(world, &all).await;
    refused(world, &all).await;
    moved(world, &all).await;
    replayed(world, &all).await;
}

/// Starts an order, and brings it past the changed place if it is to be there.
async fn order(world: &mut World, id: &str, past: bool) {
    world.weft(&["start", "order_fulfilment", &format!("order_id={id}"), "--id", id]);
    if past {
        world.complete("shop", "validate_order", id, Value::Null).await;
        world.event(id, "process_payment").await;
    }
}

/// Does what is left of an order, by the activities it asks for one after the other.
async fn finish(world: &mut World, id: &str, activities: &[&str]) {
    for activity in activities {
        let result = match *activity {
            "check_fraud" => json!({ "flagged": false }),
            "process_payment" => json!({ "id": format!("pay-{id}"), "amount_cents": 4200 }),
            _ => Value::Null,
        };
        world.complete("shop", activity, id, result).await;
    }
    let payment = json!({ "id": format!("pay-{id}"), "amount_cents": 4200 });
    assert_eq!(world.result(id), json!({ "kind": "Fulfilled", "payment": payment }));
}

/// The new version is deployed and nobody moved: who has begun finishes on the old one, wherever it is.
async fn without_a_move(world: &mut World, all: &Versions) {
    world.deploys("versions", &all.before);
    order(world, "a", false).await;
    order(world, "b", true).await;
    world.deploys("versions", &all.patched);
    order(world, "c", false).await;
    finish(world, "a", &["validate_order", "process_payment"]).await;
    finish(world, "b", &["process_payment"]).await;
    finish(world, "c", &["validate_order", "check_fraud", "process_payment", "award_points"]).await;
    for (id, commands) in [
        ("a", &["validate_order", "process_payment"][..]),
        ("b", &["validate_order", "process_payment"]),
        (
            "c",
            &[
                "validate_order",
                "fraud-check-v2",
                "check_fraud",
                "process_payment",
                "loyalty-points-v3",
                "award_points",
            ],
        ),
    ] {
        assert_eq!(world.commands(id), commands, "{id}");
    }
}

/// The new version has no patches and all are to move: the run that is past the place does not follow, so nothing is
/// deployed and nothing moves.
async fn refused(world: &mut World, all: &Versions) {
    world.deploys("versions", &all.before);
    order(world, "d", false).await;
    order(world, "e", true).await;
    let before = world.program("d");
    world.write("versions", &all.unpatched);
    let (code, out, err) = world.try_weft(&["deploy", "versions", "--move"]);
    assert_eq!((code, out.as_str()), (5, ""), "{err}");
    for word in [
        "1 open run does not follow this code",
        "nothing has moved",
        "check_fraud(order_id).flagged",
        "let payment = process_payment(order_id)",
        "e (event 4)",
        "activity `check_fraud`, but event 4 of the history is ActivityScheduled process_payment",
        "--move=safe",
    ] {
        assert!(err.contains(word), "no `{word}` in:\n{err}");
    }
    let (code, _, err) = world.try_weft(&["deploy", "versions", "--move", "--json"]);
    let error: Value = serde_json::from_str(err.trim()).expect("an object");
    let (details, line) = (&error["error"]["details"], world.line_of(&all.unpatched, "if check_fraud("));
    assert_eq!((code, &error["error"]["code"]), (5, &json!("runs_would_diverge")));
    assert_eq!((&details["would_move"], &details["not_moved_total"]), (&json!(1), &json!(1)));
    assert_eq!(details["not_moved"][0]["new"]["source"], format!("workflow.wf:{line}"));
    assert_eq!(details["not_moved"][0]["event"], 4);
    order(world, "f", false).await;
    for id in ["d", "e", "f"] {
        assert_eq!(world.program(id), before, "{id} is on the old code");
        assert!(!world.history(id).contains("CodeMoved"), "{id} has not moved");
    }
}

/// The new version with its patches, and all move: each goes the way of the place where it is, also after the server was
/// killed.
async fn moved(world: &mut World, all: &Versions) {
    world.deploys_with("versions", &all.patched, &["--move"]);
    let (code, out, err) = world.try_weft(&["patches", "versions", "--json"]);
    let patches: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {err}"));
    let open = |n: usize| (&patches["patches"][n]["open"], &patches["patches"][n]["next"]);
    assert_eq!(open(0), (&json!({ "marked": 0, "unmarked": 1, "ahead": 2 }), &json!("keep")));
    assert_eq!(open(1), (&json!({ "marked": 0, "unmarked": 0, "ahead": 3 }), &json!("remove")));
    assert_eq!(patches["patches"][0]["closed"], json!({ "marked": 1, "unmarked": 2, "ahead": 0 }));
    world.server.kill();
    world.server.restart();
    world.server.ready().await;
    order(world, "g", false).await;
    finish(world, "e", &["process_payment", "award_points"]).await;
    for id in ["d", "f", "g"] {
        finish(world, id, &["validate_order", "check_fraud", "process_payment", "award_points"]).await;
    }
    let (new, old) = (
        ["validate_order", "fraud-check-v2", "check_fraud", "process_payment", "loyalty-points-v3", "award_points"],
        ["validate_order", "process_payment", "loyalty-points-v3", "award_points"],
    );
    assert_eq!(world.commands("e"), old);
    for id in ["d", "f", "g"] {
        assert_eq!(world.commands(id), new, "{id}");
    }
    for (id, moved) in [("d", true), ("e", true), ("f", true), ("g", false)] {
        assert_eq!(world.history(id).contains("CodeMoved"), moved, "{id}");
    }
}

/// The histories that are left, replayed without a server.
async fn replayed(world: &mut World, all: &Versions) {
    let histories = world.weft(&["export", "a", "c", "e", "g"]);
    assert_eq!(histories.lines().filter(|line| line.contains("\"weft_history\":1")).count(), 4);
    world.save("histories.jsonl", &histories);
    let followed = world.weft(&["replay", "histories.jsonl", "versions"]);
    assert_eq!(followed.lines().filter(|line| line.starts_with("ok")).count(), 4, "{followed}");
    world.write("versions", &all.unpatched);
    let (code, out, err) = world.try_weft(&["replay", "histories.jsonl", "versions", "--json"]);
    assert_eq!(code, 1, "{err}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON lines")).collect();
    let differ: Vec<_> = lines.iter().map(|line| (line["workflow_id"].as_str(), line["event"].as_u64())).collect();
    assert_eq!(differ, [(Some("a"), Some(4)), (Some("c"), Some(4)), (Some("e"), Some(4)), (Some("g"), Some(4))]);
    let line = world.line_of(&all.unpatched, "if check_fraud(");
    assert_eq!(lines[0]["new"]["source"], format!("workflow.wf:{line}"));
    assert_eq!(lines[0]["old"], format!("workflow.wf:{}", world.line_of(&all.before, "process_payment(order_id)\n")));
}
