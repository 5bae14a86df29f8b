//! Whatever the traffic looks like: tactical control keeps greens, longest reds, order and plans, and gives its reason every second.

mod ladder;
mod limits;
mod modes;
mod world;

use super::property::{Observer, Shape, shapes, spec};
use super::*;
use world::{World, scripts};
