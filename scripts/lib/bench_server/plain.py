"""The plain service to compare with, of the design that FlexTraff was first published with: FastAPI, aiomqtt, one INSERT a message.

    python -m bench_server.plain PORT

Its table lies beside the product's, in the same database. What did not run as published is mended; nothing is made faster or slower.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aiomqtt
import asyncpg
import bcrypt
import jwt
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from pydantic import BaseModel

KEY = os.urandom(32).hex()
SCHEMA = """
CREATE SCHEMA IF NOT EXISTS plain;
CREATE TABLE IF NOT EXISTS plain.users (user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), username text UNIQUE, password_hash text, is_active bool DEFAULT true);
CREATE TABLE IF NOT EXISTS plain.junctions (junction_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), junction_name text, city text, latitude float8,
  longitude float8, status text DEFAULT 'offline', current_mode text DEFAULT 'automatic', min_cycle_time int, max_cycle_time int, base_cycle_time int,
  created_at timestamptz DEFAULT now());
CREATE TABLE IF NOT EXISTS plain.car_counts (id bigserial PRIMARY KEY, junction_id uuid, lane_id uuid, vehicle_count int, epc_ids text[], ts timestamptz);
"""


class Junction(BaseModel):
    junction_id: uuid.UUID
    junction_name: str
    city: str
    latitude: float
    longitude: float
    status: str
    current_mode: str
    min_cycle_time: int
    max_cycle_time: int
    base_cycle_time: int
    created_at: datetime


async def listen(pool: asyncpg.Pool) -> None:
    at = urlsplit(os.environ["FLEXTRAFF_MQTT__URL"])
    async with aiomqtt.Client(at.hostname, at.port, username=at.username, password=at.password) as client:
        await client.subscribe("flextraff/+/+/car-counts", qos=1)
        async for message in client.messages:
            body = json.loads(message.payload.decode())
            if not all(key in body for key in ("junction_id", "lane_id", "vehicle_count", "epc_ids")):
                continue
            await pool.execute(
                "INSERT INTO plain.car_counts (junction_id, lane_id, vehicle_count, epc_ids, ts) VALUES ($1, $2, $3, $4, $5)",
                uuid.UUID(body["junction_id"]), uuid.UUID(body["lane_id"]), body["vehicle_count"], body["epc_ids"],
                datetime.fromisoformat(body["timestamp"]),
            )  # fmt: skip


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"])
    await app.state.pool.execute(SCHEMA)
    task = asyncio.create_task(listen(app.state.pool))
    yield
    task.cancel()
    await app.state.pool.close()


app = FastAPI(title="Flextraff API", version="1.0.0", lifespan=lifespan)
scheme = OAuth2PasswordBearer(tokenUrl="/api/users/token")


async def user(token: str = Depends(scheme)) -> asyncpg.Record:
    try:
        name = jwt.decode(token, KEY, algorithms=["HS256"])["sub"]
    except jwt.PyJWTError as error:
        raise HTTPException(401, "Could not validate credentials") from error
    found = await app.state.pool.fetchrow("SELECT * FROM plain.users WHERE username = $1", name)
    if found is None:
        raise HTTPException(401, "Could not validate credentials")
    return found


@app.post("/api/users/token")
async def sign_in(form: OAuth2PasswordRequestForm = Depends()):
    found = await app.state.pool.fetchrow("SELECT * FROM plain.users WHERE username = $1", form.username)
    if found is None or not bcrypt.checkpw(form.password.encode(), found["password_hash"].encode()):
        raise HTTPException(401, "Incorrect username or password")
    token = jwt.encode({"sub": form.username, "exp": datetime.now(UTC) + timedelta(minutes=30)}, KEY, algorithm="HS256")
    return {"access_token": token, "token_type": "bearer"}


@app.get("/api/junctions/", response_model=list[Junction])
async def junctions(_user: asyncpg.Record = Depends(user)):
    rows = await app.state.pool.fetch("SELECT * FROM plain.junctions ORDER BY junction_name")
    return [dict(row) for row in rows]


@app.get("/health")
async def health():
    return {"status": "healthy"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
