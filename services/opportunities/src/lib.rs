//! Opportunities, stages, the process library and its runs, analytics.
