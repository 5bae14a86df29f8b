//! What people ask of a junction's signal, and the road's answer.

use super::replicas::ANSWER_WITHIN;
use super::{OverrideEvent, utc};
use crate::app::App;
use crate::db;
use crate::db::audit::{Actor, Deed};
use crate::db::overrides::{self, EndReason, NewOverride};
use crate::planner::{Override, OverrideError, OverrideTimes, Planner};
use flextraff_common::ids::{JunctionId, LaneId, UserId};
use flextraff_common::junction::Junction;
use flextraff_common::plan::{EMERGENCY_VALID_S, MANUAL_VALID_S, MAX_EMERGENCY_VALID_S, MAX_VALID_S};
use flextraff_common::time::UnixMs;
use flextraff_common::wire::{Mode, PlanState, StageTime};
use serde::Serialize;
use sqlx::{PgPool, Postgres, Transaction};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

/// Longest that a request waits for the road.
const ROAD_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct ModeRequest {
    /// Where.
    pub junction: JunctionId,
    /// Who.
    pub user: UserId,
    /// What.
    pub wanted: Wanted,
    /// For how long; `None`: the usual time.
    pub minutes: Option<u32>,
    /// Why.
    pub reason: Option<String>,
    /// The line of the audit log that the database had no room for.
    pub unrecorded: Option<Unrecorded>,
}

/// Who did something, and what, to be written down later.
pub type Unrecorded = Box<(Actor, Deed)>;

/// The mode that is asked for, with what it needs.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Back to the planner.
    Automatic,
    /// Times of the lanes north, south, east and west, clearance included, and the cycle, seconds.
    Lanes {
        /// In that order.
        times: [i32; 4],
        /// The cycle.
        cycle: i32,
    },
    /// Green of each stage.
    Stages(Vec<StageTime>),
    /// One lane, at once.
    Emergency(LaneId),
}

/// What the road makes of a plan within two seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RoadAnswer)]
pub enum Applied {
    /// The lamps follow it.
    Running,
    /// It starts when the running cycle ends.
    Pending,
    /// It breaks a rule of the junction.
    Refused,
    /// No answer.
    Unknown,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The plan that was sent; none: nothing had to be.
    pub plan_id: Option<String>,
    /// What the road says.
    pub applied: Applied,
    /// Why it refuses.
    pub reasons: Vec<String>,
}

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ModeError {
    /// It breaks a rule; nothing was sent.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// Lane times by direction need exactly the lanes N, S, E and W.
    #[error("this junction has not exactly the lanes N, S, E and W; give stages instead")]
    OtherShape,
    /// No such lane.
    #[error("lane {0} is not a lane of this junction that a stage serves")]
    UnknownLane(LaneId),
    /// Longer than it may be.
    #[error("{minutes} minutes are too long; at most {most}")]
    TooLong {
        /// What was asked for.
        minutes: u32,
        /// The most that is allowed.
        most: u32,
    },
    /// The database failed.
    #[error("the override cannot be recorded, so it was not sent")]
    Database(#[source] sqlx::Error),
    /// The database has not said whether it has it.
    #[error("the database does not confirm it in time; look whether it holds before you ask for it again")]
    Unconfirmed {
        /// The override that was to be set; none: one was to be ended.
        wanted: Option<Uuid>,
        /// How it failed.
        source: sqlx::Error,
    },
    /// The junction is being changed at this moment.
    #[error("the junction is being changed; try again in a moment")]
    Changing,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
}

impl From<sqlx::Error> for ModeError {
    fn from(error: sqlx::Error) -> Self {
        if db::is_locked(&error) { Self::Changing } else { Self::Database(error) }
    }
}

pub(super) enum Request {
    Mode(ModeRequest, Answer),
    Changed(Option<JunctionId>),
}

/// How request handlers reach the task.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mode(request, _) => write!(f, "{request:?}"),
            Self::Changed(junction) => write!(f, "Changed({junction:?})"),
        }
    }
}

impl Handle {
    pub(super) const fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests }
    }

    /// Carries a request out, and waits up to two seconds for what the road says.
    ///
    /// # Errors
    /// When nothing was sent, and why.
    pub async fn set_mode(&self, request: ModeRequest) -> Result<Outcome, ModeError> {
        let (accepted, is_accepted) = oneshot::channel();
        let (road, road_says) = oneshot::channel();
        let answer = Answer { accepted, road };
        self.requests.send(Request::Mode(request, answer)).await.map_err(|_| ModeError::Stopping)?;
        let plan_id = Some(is_accepted.await.map_err(|_| ModeError::Stopping)??).filter(|id| !id.is_empty());
        let (applied, reasons) = match tokio::time::timeout(ROAD_ANSWERS_WITHIN, road_says).await {
            Ok(Ok(said)) => said,
            Ok(Err(_)) | Err(_) => (Applied::Unknown, Vec::new()),
        };
        Ok(Outcome { plan_id, applied, reasons })
    }

    /// Says that a junction was made, changed or deleted. Missing it is harmless: the task looks again by itself.
    pub fn junction_changed(&self, junction: JunctionId) {
        let _ = self.requests.try_send(Request::Changed(Some(junction)));
    }

    /// Says that something changed that concerns several junctions.
    pub fn junctions_changed(&self) {
        let _ = self.requests.try_send(Request::Changed(None));
    }
}

pub(super) struct Answer {
    /// Gets the name of the plan.
    accepted: oneshot::Sender<Result<String, ModeError>>,
    road: oneshot::Sender<(Applied, Vec<String>)>,
}

impl Answer {
    pub(super) fn refuse(self, error: ModeError) {
        let _ = self.accepted.send(Err(error));
    }
}

/// A request whose plan is sent and not confirmed.
pub(super) struct Waiter {
    junction: JunctionId,
    plan_id: String,
    road: Option<oneshot::Sender<(Applied, Vec<String>)>>,
}

impl Waiter {
    pub(super) fn new(junction: JunctionId, plan_id: String, answer: Answer) -> Self {
        let _ = answer.accepted.send(Ok(plan_id.clone()));
        Self { junction, plan_id, road: Some(answer.road) }
    }

    pub(super) fn waits_for(&self, junction: JunctionId, plan_id: &str) -> bool {
        self.junction == junction && self.plan_id == plan_id
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.road.as_ref().is_some_and(|road| !road.is_closed())
    }

    pub(super) fn answer(&mut self, state: PlanState, reasons: Vec<String>) {
        let applied = match state {
            PlanState::Running => Applied::Running,
            PlanState::Pending => Applied::Pending,
            PlanState::Refused => Applied::Refused,
        };
        if let Some(road) = self.road.take() {
            let _ = road.send((applied, reasons));
        }
    }
}

/// A request that was carried out.
pub(super) struct Done {
    /// The plan whose confirmation it waits for.
    pub plan_id: String,
    /// The override that was set or ended, if any.
    pub told: Option<(Uuid, OverrideEvent)>,
}

/// Checks a request, records it, and lets the planner send it.
pub(super) async fn apply(
    app: &App,
    planner: &mut Planner,
    request: &ModeRequest,
    now: UnixMs,
) -> Result<Done, ModeError> {
    let junction =
        planner.junction(request.junction).ok_or(OverrideError::UnknownJunction(request.junction))?;
    let Some(wanted) = to_override(junction, &request.wanted, request.minutes, request.reason.clone(), now)?
    else {
        let (id, by) = (request.junction.into(), Some(request.user.into()));
        let end = async {
            let mut tx = begin(&app.db).await?;
            let ended = overrides::end(&mut tx, id, None, utc(now), EndReason::Ended, by).await?;
            Ok((tx, ended))
        };
        let ended = commit(end, None).await?;
        let message = planner.end_override(request.junction, now)?;
        let told = ended.map(|ended| (ended, OverrideEvent::Ended));
        return Ok(Done { plan_id: message.plan_id.unwrap_or_default(), told });
    };
    planner.check_override(request.junction, &wanted, now)?;
    record(app, request, &wanted, now).await?;
    planner.start_override(request.junction, wanted.clone(), now)?;
    Ok(Done { plan_id: wanted.id.to_string(), told: Some((wanted.id, OverrideEvent::Set)) })
}

/// What is asked for as an override at a junction; `None`: back to the planner.
pub(super) fn to_override(
    junction: &Junction,
    wanted: &Wanted,
    minutes: Option<u32>,
    reason: Option<String>,
    now: UnixMs,
) -> Result<Option<Override>, ModeError> {
    let (mode, times) = match wanted {
        Wanted::Automatic => return Ok(None),
        Wanted::Lanes { times, cycle } => {
            let mut by_lane = vec![0.0; junction.lanes().len()];
            for (name, time) in ["N", "S", "E", "W"].iter().zip(times) {
                let lane =
                    junction.lane_named(name).filter(|_| by_lane.len() == 4).ok_or(ModeError::OtherShape)?;
                by_lane[lane.index()] = f64::from(*time);
            }
            (Mode::ManualOverride, OverrideTimes::Lanes { times: by_lane, cycle: f64::from(*cycle) })
        }
        Wanted::Stages(stages) => (Mode::ManualOverride, OverrideTimes::Stages(stages.clone())),
        Wanted::Emergency(lane) => {
            let stage = junction
                .lane_with_id(*lane)
                .and_then(|lane| junction.stages_of_lane(lane).first().copied())
                .ok_or(ModeError::UnknownLane(*lane))?;
            let stage = StageTime { stage: junction.stage(stage).name.clone(), ..StageTime::default() };
            (Mode::Emergency, OverrideTimes::Stages(vec![stage]))
        }
    };
    let (usual_s, most_s) = if mode == Mode::Emergency {
        (EMERGENCY_VALID_S, MAX_EMERGENCY_VALID_S)
    } else {
        (MANUAL_VALID_S, MAX_VALID_S)
    };
    let minutes = minutes.unwrap_or(usual_s / 60);
    if minutes == 0 || minutes > most_s / 60 {
        return Err(ModeError::TooLong { minutes, most: most_s / 60 });
    }
    let until = now + i64::from(minutes) * 60_000;
    Ok(Some(Override { id: Uuid::now_v7(), mode, times, until, reason }))
}

/// A transaction that waits no longer for a lock than planning for all other junctions may wait.
async fn begin(db: &PgPool) -> sqlx::Result<Transaction<'static, Postgres>> {
    let mut transaction = db.begin().await?;
    db::wait_shortly(&mut transaction).await?;
    Ok(transaction)
}

/// Commits what `work` does in its transaction; neither takes longer than planning for all other junctions may wait. `wanted`: the override that it
/// sets. Of a commit that is not confirmed nobody knows whether it has come about.
async fn commit<T>(
    work: impl Future<Output = sqlx::Result<(Transaction<'static, Postgres>, T)>>,
    wanted: Option<Uuid>,
) -> Result<T, ModeError> {
    let (transaction, done) = timeout(ANSWER_WITHIN, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
    match timeout(ANSWER_WITHIN, transaction.commit()).await {
        Ok(Ok(())) => Ok(done),
        Ok(Err(error)) if !db::is_away(&error) || db::is_full(&error) => Err(error.into()),
        Ok(Err(source)) => Err(ModeError::Unconfirmed { wanted, source }),
        Err(_) => Err(ModeError::Unconfirmed { wanted, source: sqlx::Error::PoolTimedOut }),
    }
}

async fn record(app: &App, request: &ModeRequest, wanted: &Override, now: UnixMs) -> Result<(), ModeError> {
    let stages = match &request.wanted {
        Wanted::Stages(stages) => Some(
            stages
                .iter()
                .map(|stage| serde_json::json!({"stage": stage.stage, "green_s": stage.green_s}))
                .collect(),
        ),
        Wanted::Emergency(_) => match &wanted.times {
            OverrideTimes::Stages(stages) => {
                Some(stages.iter().map(|stage| serde_json::json!({"stage": stage.stage})).collect())
            }
            OverrideTimes::Lanes { .. } => None,
        },
        Wanted::Automatic | Wanted::Lanes { .. } => None,
    };
    let (lane_times, total_cycle_time) = match request.wanted {
        Wanted::Lanes { times, cycle } => (Some(times), Some(cycle)),
        _ => (None, None),
    };
    let new = NewOverride {
        override_id: wanted.id,
        junction_id: request.junction.into(),
        user_id: request.user.into(),
        mode: db::mode_name(wanted.mode),
        total_cycle_time,
        lane_times,
        stages: stages.as_ref(),
        lane_id: match request.wanted {
            Wanted::Emergency(lane) => Some(lane.into()),
            _ => None,
        },
        start: utc(now),
        expires_at: utc(wanted.until),
        reason: request.reason.as_deref(),
    };
    let start = async {
        let mut tx = begin(&app.db).await?;
        overrides::start(&mut tx, &new).await?;
        Ok((tx, ()))
    };
    commit(start, Some(wanted.id)).await
}

pub(super) const fn state_name(state: PlanState) -> &'static str {
    match state {
        PlanState::Running => "running",
        PlanState::Pending => "pending",
        PlanState::Refused => "refused",
    }
}
