"""Subscribes to an employee's calendar as a calendar program does: plain HTTP, and a parser that nobody here wrote."""

import sys
import urllib.error
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

import grpc
from dealflow.activities.v1 import activities_pb2, activities_pb2_grpc, calendar_pb2, calendar_pb2_grpc
from dealflow.activities.v1 import people_pb2, people_pb2_grpc
from google.protobuf import timestamp_pb2
from icalendar import Calendar

TIMEOUT = 20
LONG = "Обсудить коммерческое предложение, сроки; бюджет\\итоги — и договор 🚀 " * 6
NOTES = "Первая строка, с запятой;\nвторая строка: 📎\nthird \\ line"


def request_id():
    return str(uuid.uuid4())


def stamp(time):
    result = timestamp_pb2.Timestamp()
    result.FromDatetime(time)
    return result


def get(url, **headers):
    """Status, headers and body of a plain GET."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def main(address):
    channel = grpc.insecure_channel(address)
    grpc.channel_ready_future(channel).result(timeout=60)
    person = people_pb2.Employee(display_name=f"Анна {request_id()}")
    ask = people_pb2.CreateEmployeeRequest(employee=person, request_id=request_id())
    anna = people_pb2_grpc.EmployeeServiceStub(channel).CreateEmployee(ask, timeout=TIMEOUT)
    activities = activities_pb2_grpc.ActivityServiceStub(channel)
    begins = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)

    def make(**fields):
        activity = activities_pb2.Activity(performer=anna.name, **fields)
        ask = activities_pb2.CreateActivityRequest(activity=activity, request_id=request_id())
        return activities.CreateActivity(ask, timeout=TIMEOUT)

    meeting = make(
        type=activities_pb2.Activity.TYPE_MEETING,
        subject=LONG.strip(),
        instructions=NOTES,
        planned_start_time=stamp(begins),
        due_time=stamp(begins + timedelta(hours=2)),
    )
    to_do = make(subject="Write", due_time=stamp(begins), importance=activities_pb2.Activity.IMPORTANCE_HIGH)
    dropped = make(subject="Dropped", type=activities_pb2.Activity.TYPE_CALL, due_time=stamp(begins))
    activities.CancelActivity(activities_pb2.CancelActivityRequest(name=dropped.name, request_id=request_id()), timeout=TIMEOUT)
    activities.StartActivity(activities_pb2.StartActivityRequest(name=to_do.name, request_id=request_id()), timeout=TIMEOUT)

    calendars = calendar_pb2_grpc.CalendarServiceStub(channel)
    shared = calendars.ShareCalendar(calendar_pb2.ShareCalendarRequest(owner=anna.name, request_id=request_id()), timeout=TIMEOUT)
    url = f"http://{address}{shared.path}"
    status, headers, body = get(url)
    assert status == 200 and headers["Content-Type"] == "text/calendar; charset=utf-8", (status, headers)
    feed = calendar_pb2.GetCalendarFeedRequest(owner=anna.name, token=shared.token)
    assert calendars.GetCalendarFeed(feed, timeout=TIMEOUT).calendar == body, "HTTP and gRPC give the same"
    assert all(len(line) <= 75 for line in body.split(b"\r\n")), "lines are folded after 75 octets"
    assert b"\n" not in body.replace(b"\r\n", b""), "lines end with CRLF"

    calendar = Calendar.from_ical(body)
    assert not calendar.errors, calendar.errors
    assert calendar["VERSION"] == "2.0" and str(calendar["X-WR-CALNAME"]) == anna.display_name
    entries = {str(it["SUMMARY"]): it for it in calendar.walk() if it.name in ("VEVENT", "VTODO")}
    assert all(not it.errors and it["UID"] and it["DTSTAMP"] for it in entries.values())
    event = entries[LONG.strip()]
    assert event.name == "VEVENT" and str(event["DESCRIPTION"]) == NOTES, event
    assert event["DTSTART"].dt == begins and event["DTEND"].dt == begins + timedelta(hours=2), event
    assert event["UID"].startswith(meeting.name.removeprefix("activities/")) and event["SEQUENCE"] == 0
    task = entries["Write"]
    assert task.name == "VTODO" and task["DUE"].dt == begins and task["STATUS"] == "IN-PROCESS", task
    assert task["PRIORITY"] == 1 and task["SEQUENCE"] == 1, task
    assert entries["Dropped"]["STATUS"] == "CANCELLED" and entries["Dropped"]["SEQUENCE"] == 1

    status, _, _ = get(url, **{"If-None-Match": headers["ETag"]})
    assert status == 304, status
    for wrong in [url.replace(shared.token, "x" * 43), url.replace("/calendar/", "/nothing/"), url + "/more"]:
        status, _, body = get(wrong)
        assert (status, body) == (404, b""), (wrong, status, body)
    print(f"{len(entries)} entries of a calendar over plain HTTP, as Python's icalendar reads them")


if __name__ == "__main__":
    main(sys.argv[1])
