//! What the API and the command line do to devices, each with its line in the audit log.

use crate::auth::EnrolmentToken;
use crate::db::audit::{self, Actor, Deed};
use crate::db::devices_api::{self, DeviceRow, NewDevice};
use crate::db::enrolment;
use chrono::{DateTime, TimeDelta, Utc};
use flextraff_common::ids::{DeviceId, JunctionId};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

/// How long an enrolment token holds unless said otherwise, hours.
pub const TOKEN_HOURS: i32 = 24;
/// Longest that one may hold, hours.
pub const MOST_TOKEN_HOURS: i32 = 30 * 24;
/// What a device may be.
pub const TYPES: [&str; 3] = ["junction", "rfid_counter", "light_controller"];

/// What came of creating a device.
#[derive(Debug)]
pub enum Created {
    /// It is there, with its token where one was wanted.
    Device(Box<DeviceRow>, Option<EnrolmentToken>),
    /// Its id is taken.
    Taken,
    /// These lanes are not lanes of its junction.
    ForeignLanes(Vec<Uuid>),
}

/// Creates a device; with `token_hours` also a token for so long.
///
/// # Errors
/// When the database fails, or the system gives no randomness.
pub async fn create(
    db: &PgPool,
    actor: &Actor,
    new: &NewDevice,
    token_hours: Option<i32>,
    now: DateTime<Utc>,
) -> anyhow::Result<Created> {
    let mut tx = db.begin().await?;
    let foreign = devices_api::foreign_lanes(&mut tx, new.junction_id, &new.lanes).await?;
    if !foreign.is_empty() {
        return Ok(Created::ForeignLanes(foreign));
    }
    let Some(mut device) = devices_api::create(&mut tx, new).await? else { return Ok(Created::Taken) };
    let mut token = None;
    if let Some(hours) = token_hours {
        let new_token = EnrolmentToken::random()?;
        let until = now + TimeDelta::hours(hours.into());
        enrolment::set_token(&mut tx, new.device_id, &new_token.hash(), until).await?;
        device.token_until = Some(until);
        token = Some(new_token);
    }
    let detail = json!({"device_type": new.device_type, "device_name": new.device_name, "lanes": new.lanes});
    let deed = Deed::new("device.create").at(new.junction_id).to(new.device_id.to_string());
    audit::record(&mut *tx, actor, deed.with(detail)).await?;
    tx.commit().await?;
    Ok(Created::Device(Box::new(device), token))
}

/// Gives a device a new token in the place of its login at the broker; `None`: there is no such device.
///
/// # Errors
/// When the database fails, or the system gives no randomness.
pub async fn replace(
    db: &PgPool,
    actor: &Actor,
    device: DeviceId,
    token_hours: i32,
    now: DateTime<Utc>,
) -> anyhow::Result<Option<(DeviceRow, EnrolmentToken)>> {
    let token = EnrolmentToken::random()?;
    let mut tx = db.begin().await?;
    enrolment::set_token(&mut tx, device, &token.hash(), now + TimeDelta::hours(token_hours.into())).await?;
    let Some(row) = devices_api::get(&mut tx, device).await? else { return Ok(None) };
    let deed = Deed::new("device.replace").at(JunctionId(row.junction_id)).to(device.to_string());
    audit::record(&mut *tx, actor, deed).await?;
    tx.commit().await?;
    Ok(Some((row, token)))
}

/// Stops listening to a device; whether there is one.
///
/// # Errors
/// When the database fails.
pub async fn revoke(
    db: &PgPool,
    actor: &Actor,
    device: DeviceId,
    now: DateTime<Utc>,
) -> anyhow::Result<bool> {
    let mut tx = db.begin().await?;
    let Some(row) = devices_api::get(&mut tx, device).await? else { return Ok(false) };
    if devices_api::revoke(&mut tx, device, now).await? {
        let deed = Deed::new("device.revoke").at(JunctionId(row.junction_id)).to(device.to_string());
        audit::record(&mut *tx, actor, deed).await?;
    }
    tx.commit().await?;
    Ok(true)
}
