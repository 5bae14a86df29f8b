//! A server whose planner runs, and a road that answers plans without being there.

use crate::state::{Answer, TestState};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use flextraff_common::ids::{DeviceId, JunctionId};
use flextraff_common::wire::topics::Topic;
use flextraff_common::wire::{DeviceType, GreenTime, PlanState, PlanStatus, Status, decode};
use flextraff_server::ingest::Applied;
use flextraff_server::{api, clock::Clock, dispatch};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

const DEVICE: DeviceId = DeviceId(Uuid::from_u128(0xD));
/// Longer than the lease of a server that died.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the road makes of each plan; `None`: it says nothing.
pub(crate) type Verdict = fn(&GreenTime) -> Option<PlanState>;

/// A junction's device and the planner that it answers to.
pub(crate) struct Road {
    pub(crate) state: TestState,
    plans: mpsc::UnboundedReceiver<GreenTime>,
    applied: mpsc::Sender<Applied>,
    stop: watch::Sender<bool>,
    planner: JoinHandle<()>,
}

impl Road {
    /// Starts a planner on the database of `state`.
    pub(crate) fn start(mut state: TestState, verdict: Verdict) -> Self {
        let (handle, requests) = dispatch::channel();
        let (applied, news) = mpsc::channel(64);
        let (stop, stopped) = watch::channel(false);
        let (outgoing, mut sent) = mpsc::channel(64);
        state.app.dispatch = handle;
        state.app.mqtt.outgoing = outgoing;
        state.router = api::router(state.app.clone());
        let planner = tokio::spawn(dispatch::run(state.app.clone(), Clock, news, requests, stopped));
        let (tell, plans) = mpsc::unbounded_channel();
        let answers = applied.clone();
        tokio::spawn(async move {
            let mut said = None;
            while let Some(message) = sent.recv().await {
                let Topic::GreenTime(junction) = message.topic else { continue };
                let plan: GreenTime = decode(message.payload.as_bytes()).expect("plans can be read");
                if let Some(state) = verdict(&plan) {
                    let reasons =
                        if state == PlanState::Refused { vec!["amber".to_owned()] } else { Vec::new() };
                    let plan = PlanStatus { plan_id: plan.plan_id.clone(), state, reasons };
                    // As agents do: at once when it is news, else with the next regular status.
                    if said.replace(plan.clone()).as_ref() != Some(&plan) {
                        // The planner may have been stopped.
                        let _ = answers.send(status(junction, Some(plan))).await;
                    }
                }
                let _ = tell.send(plan);
            }
        });
        Self { state, plans, applied, stop, planner }
    }

    /// The device comes online.
    pub(crate) async fn comes_online(&self, junction: &str) {
        let junction = JunctionId(junction.parse().expect("ids are UUIDs"));
        self.applied.send(status(junction, None)).await.expect("the planner runs");
    }

    /// The road says what it makes of a plan, unasked.
    pub(crate) async fn says(&self, junction: &str, plan_id: &str, state: PlanState) {
        let junction = JunctionId(junction.parse().expect("ids are UUIDs"));
        let plan = PlanStatus { plan_id: Some(plan_id.to_owned()), state, reasons: vec!["amber".to_owned()] };
        self.applied.send(status(junction, Some(plan))).await.expect("the planner runs");
    }

    /// The next plan of this kind that is sent. Others may come between: a device that has just come online gets everything.
    pub(crate) async fn plan(&mut self, mut wanted: impl FnMut(&GreenTime) -> bool) -> GreenTime {
        let next = async {
            loop {
                let plan = self.plans.recv().await.expect("the planner runs");
                if wanted(&plan) {
                    return plan;
                }
            }
        };
        timeout(PATIENCE, next).await.expect("such a plan comes in time")
    }

    /// Whether no plan was sent.
    pub(crate) fn is_quiet(&self) -> bool {
        self.plans.is_empty()
    }

    pub(crate) async fn set_mode(&self, junction: &str, token: &str, body: &Value) -> Answer {
        let request = Request::put(format!("/api/junctions/{junction}/mode"))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()));
        self.state.send(request.expect("the request is well formed")).await
    }

    /// The planner ends as a killed process does: it gives nothing back.
    pub(crate) fn dies(&self) {
        self.planner.abort();
    }

    /// Stops the planner in order.
    pub(crate) async fn stops(self) {
        self.stop.send_replace(true);
        self.planner.await.expect("the planner ends in order");
    }

    /// Stops the planner, and starts a new one on the same database.
    pub(crate) async fn restart(self, verdict: Verdict) -> Self {
        self.stop.send_replace(true);
        self.planner.await.expect("the planner ends in order");
        Self::start(self.state, verdict)
    }
}

fn status(junction: JunctionId, plan: Option<PlanStatus>) -> Applied {
    let least: Status = serde_json::from_value(json!({ "device_id": DEVICE, "online": true }))
        .expect("these fields are enough");
    let status = Status { device_type: Some(DeviceType::Junction), plan, ..least };
    Applied::Status(junction, Box::new(status))
}
