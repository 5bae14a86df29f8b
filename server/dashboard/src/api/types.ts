import type { components } from './schema';

type Schemas = components['schemas'];

export type Alarm = Schemas['Alarm'];
export type AuditEntry = Schemas['AuditEntry'];
export type Compared = Schemas['Compared'];
export type CurrentPlan = Schemas['Current'];
export type CountBucket = Schemas['Bucket'];
export type Costed = Schemas['Costed'];
export type Cycle = Schemas['CycleResponse'];
export type DeadLetter = Schemas['DeadLetter'];
export type Device = Schemas['DeviceResponse'];
export type DeviceWithDifferences = Schemas['DeviceAnswer'];
export type DeviceWithToken = Schemas['WithToken'];
export type Junction = Schemas['JunctionResponse'];
export type Layout = Schemas['JunctionEntry'];
export type LogEntry = Schemas['LogEntry'];
export type ModeBody = Schemas['ModeBody'];
export type Override = Schemas['OverrideResponse'];
export type Plan = Schemas['PlanResponse'];
export type Setting = Schemas['Setting'];
export type UnknownSender = Schemas['UnknownSender'];
export type User = Schemas['UserResponse'];
export type ListedUser = Schemas['ListedUser'];
export type Overview = Schemas['JunctionOverview'];
export type Link = Schemas['LinkEntry'];
export type Prediction = Schemas['Prediction'];
export type WatchlistEntry = Schemas['WatchlistEntry'];
