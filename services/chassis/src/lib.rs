//! What every process does alike: serve, telemetry, work, feed, refusals, database, settings.
