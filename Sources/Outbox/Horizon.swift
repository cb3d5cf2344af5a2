internal import Notation
internal import Storage
internal import Synchronization

/// Where a worker looks for what is due, and from where on.
///
/// What was delivered lies in front of what is due for as long as somebody's snapshot may still see it, and every look
/// walks over all of it again: a report that runs for an hour would make each look slower than the one before. So a
/// worker remembers how far it has come and looks on from there; at everything it looks only as often as it can afford,
/// and finds then what was queued late or called forward. While a look at everything is quick, every look is one.
final class Horizon: Sendable {
    /// Messages of one topic and priority, in the order in which they became due.
    struct Place: Hashable, Sendable {
        let priority: Int
        let topic: String
    }

    /// The last message of a place that nobody needs to look at again.
    struct Passed: Sendable, Equatable {
        let availableAt: Instant
        let id: ID<OutboxMessage>

        static let nothing = Passed(availableAt: Instant(microseconds: 0), id: ID(high: 0, low: 0))
    }

    private struct State {
        var passed: [Place: Passed] = [:]
        var wholeLook = Span.zero
        var nextWhole = Instant(microseconds: 0)
    }

    /// A look at everything that takes no longer than this needs no economy.
    private static let quick = Span.milliseconds(5)
    /// Of all its time a worker spends at most one part in so many on looks at everything.
    private static let share = 20
    /// Who began before may commit after: what is younger than this is looked at again.
    private static let latecomers = Span.seconds(2)

    private let state = Mutex(State())

    /// The places of these topics in the order in which they take their turn: priority by priority, topics as given.
    func outlook(_ topics: [String], now: Instant) -> Outlook {
        let places = (0...3).flatMap { priority in topics.map { Place(priority: priority, topic: $0) } }
        return state.withLock { state in
            let isWhole = state.wholeLook <= Self.quick || now >= state.nextWhole
            return Outlook(places: places, passed: isWhole ? [:] : state.passed, isWhole: isWhole)
        }
    }

    /// Remembers what a look found. One that `isCutShort` says nothing about places where it found nothing.
    func saw(_ outlook: Outlook, _ found: [Claimed], isCutShort: Bool, from start: Instant, to end: Instant) {
        state.withLock { state in
            if outlook.isWhole {
                state.wholeLook = end - start
                state.nextWhole = end + state.wholeLook * Self.share
            }
            guard state.wholeLook > Self.quick else { return state.passed = [:] }
            let last = Dictionary(grouping: found) { Place(priority: $0.priority, topic: $0.delivery.topic) }
                .compactMapValues { $0.max(by: Claimed.comesBefore) }
            for place in outlook.places {
                if let last = last[place] {
                    state.passed[place] = Passed(availableAt: last.availableAt, id: last.delivery.id)
                } else if !isCutShort {
                    state.passed[place] = Passed(availableAt: start - Self.latecomers, id: Passed.nothing.id)
                }
            }
        }
    }
}

/// One look: which places, and what to pass over in each.
struct Outlook: Sendable {
    let places: [Horizon.Place]
    let passed: [Horizon.Place: Horizon.Passed]
    let isWhole: Bool

    /// `[[priority, topic, microseconds, identifier], …]`
    var json: String {
        var json = JSONWriter(reserving: 96 * places.count)
        json.array(of: places) { json, place in
            let passed = passed[place] ?? .nothing
            json.array { json in
                json.value(place.priority)
                json.value(place.topic)
                json.value(passed.availableAt.microseconds)
                json.value(passed.id)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// What is due in the places at `now`, one place after the other, and no more than `limit` of it, as a table `due`.
    /// PostgreSQL locks it, and passes over what somebody else has locked.
    ///
    /// - Parameters: the statement's own, such as `$1`.
    static func due(at now: String, _ outlook: String, limit: SQL) -> SQL {
        SQL(
            sqlite: """
                (SELECT outbox.* FROM \(wanted(outlook).sqlite) CROSS JOIN outbox
                    WHERE \(ready.sqlite) AND available_at <= \(now) LIMIT \(limit.sqlite)) AS due
                """,
            postgres: """
                (SELECT one.* FROM \(wanted(outlook).postgres)
                    CROSS JOIN LATERAL (
                        SELECT * FROM outbox WHERE \(ready.postgres) AND available_at <= \(now)
                        ORDER BY available_at, id LIMIT \(limit.postgres) FOR UPDATE SKIP LOCKED) AS one
                    LIMIT \(limit.postgres)) AS due
                """)
    }

    /// The places as a table.
    static func wanted(_ outlook: String) -> SQL {
        SQL(
            sqlite: "(SELECT value ->> 0 AS priority, value ->> 1 AS topic FROM json_each(\(outlook))) AS wanted",
            postgres: """
                (SELECT (place ->> 0)::integer, place ->> 1,
                    timestamptz 'epoch' + (place ->> 2)::bigint * interval '1 microsecond', (place ->> 3)::uuid
                    FROM json_array_elements(\(outlook)) AS place) AS wanted (priority, topic, passed_at, passed_id)
                """)
    }

    /// What is ready in a place, and was not passed yet. SQLite has no snapshots that keep dead rows in its indexes, so
    /// nothing needs to be passed over there.
    static let ready = SQL(
        sqlite: place, postgres: "\(place) AND (outbox.available_at, outbox.id) > (wanted.passed_at, wanted.passed_id)")
    private static let place = """
        outbox.state = 'ready' AND outbox.topic = wanted.topic AND outbox.priority = wanted.priority
        """
}
