//! Activities, people and what they are told, over their contract, on both databases.

mod calendar;
mod categories;
mod desk;
mod interactions;
mod knowledge;
mod life_cycle;
mod model;
mod notifications;
mod pages;
mod people;
mod reminders;
mod requests;
mod seen;
mod stages;
mod tasks;
mod time;
