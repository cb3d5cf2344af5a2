public import Notation
import Outbox
public import People
public import Scheduling
import Storage

/// That somebody runs late, and how many visits are told.
public struct DelayAnnouncement: Sendable {
    public let practitioner: ID<Resource>
    public let minutes: Int
    /// From when on visits are told that have not begun.
    public let from: Instant
    public let appointments: Int
}

extension Clinic {
    /// Tells the patients of a practitioner's remaining visits of the day that they begin later. Each visit is told once of so many minutes,
    /// however often it is announced.
    ///
    /// - Parameter from: nil is now.
    public func announceDelay(
        of practitioner: ID<Resource>, minutes: Int, from: Instant?, call: Call, wording: Wording<DelayAnnouncement>
    ) async throws -> Reply<DelayAnnouncement> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(practitioner)
            let resource = story.directory.resources[practitioner]
            try story.require(.runTheDay(practitioner: practitioner.of()), at: resource?.location)
            guard let resource, resource.kind == .practitioner else { throw Refusal.recordUnknown }
            return resource
        } act: { story, resource in
            let clock = story.directory.wallClock(at: resource.location)
            let start = max(from ?? story.now, story.now)
            let today = clock.dayRange(clock.day(at: story.now))
            guard start < today.to else {
                return DelayAnnouncement(practitioner: practitioner, minutes: minutes, from: start, appointments: 0)
            }
            let page = AppointmentPage(range: TimeRange(from: start, to: today.to), request: PageRequest(limit: 499))
            let visits = try story.transaction.fetch(AppointmentsOfPractitioner(practitioner: practitioner, page: page)).map(
                \.kept)
            let ahead = visits.filter { $0.state == .booked }
            for visit in ahead {
                try story.transaction.post(.delay(of: visit, minutes: minutes, story.newID(), story.now))
            }
            try story.auditChange(of: practitioner.of(), "delay.announced")
            story.transaction.afterCommit { self.afterChange() }
            return DelayAnnouncement(practitioner: practitioner, minutes: minutes, from: start, appointments: ahead.count)
        }
    }

    /// Tells the patients of one visit, if it is still theirs at that time.
    func tellOfDelay(_ delivery: Delivery, in transaction: any WriteTransaction) throws -> Verdict {
        let delay = try JSON(parsing: delivery.payload)
        guard let id = delay["appointment"]?.string.flatMap({ ID<Appointment>($0) }),
            let start = delay["start"]?.string, let minutes = delay["minutes"]?.integer
        else { throw DeliveryFault("an outbox message names no delay") }
        guard let visit = try transaction.first(AppointmentToChange(id: id))?.kept, visit.state == .booked,
            start == visit.visit.from.description
        else { return .cancel }
        let payload = #"{"start":"\#(start)","minutes":\#(minutes)}"#
        for patient in visit.patients { try tell(patient.of(), .patient, .delay, id, payload: payload, in: transaction) }
        return .done
    }
}

extension OutboxMessage {
    fileprivate static func delay(
        of visit: Appointment, minutes: Int, _ id: ID<OutboxMessage>, _ now: Instant
    ) -> OutboxMessage {
        OutboxMessage(
            id: id, topic: Topic.delay,
            payload: #"{"appointment":"\#(visit.id)","start":"\#(visit.visit.from)","minutes":\#(minutes)}"#, createdAt: now,
            expiresAt: visit.visit.to, priority: .urgent, dedupeKey: "\(visit.id):\(visit.visit.from):\(minutes)",
            subject: visit.id.of())
    }
}
