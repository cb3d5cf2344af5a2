import Foundation
import Notation
import Scheduling
import Testing

@Suite struct LifeCycleTests {
    static let start = at("2026-03-10T09:00:00Z")
    static let now = at("2026-03-01T12:00:00Z")
    static let policy = SchedulingPolicy(cancellationCutoffMinutes: 24 * 60)

    static func appointment(_ state: AppointmentState) -> Appointment {
        Appointment(
            id: id(1), state: state, visitType: id(2), practitioner: id(3), patients: [id(4)], location: id(5),
            visit: TimeRange(from: start, to: start + .minutes(30)), heldUntil: state == .pending ? now + .minutes(5) : nil,
            createdAt: now - .days(1), updatedAt: now - .days(1), version: 3)
    }

    /// Takes an appointment through a transition with its own verb, by staff, at a time at which nothing else is in the way.
    static func after(_ transition: Transition, _ appointment: Appointment) throws(Refusal) -> Appointment {
        switch transition {
        case .confirm: try appointment.confirmed(at: now)
        case .arrive: try appointment.arrived(at: now)
        case .checkIn: try appointment.checkedIn(at: now)
        case .fulfil: try appointment.fulfilled(at: now)
        case .cancel: try appointment.cancelled(by: "desk:1", at: now, reason: .desk, policy: policy, byStaff: true)
        case .expire: try appointment.expired(by: "clinic", at: now + .minutes(5))
        case .noShow: try appointment.missed(at: now)
        case .reschedule: try appointment.moved(to: PlacingTests.placement(), at: now, policy: policy, byStaff: true)
        case .markError: try appointment.markedAsError(at: now)
        }
    }

    /// The table of `docs/states.md`: state, transition, and the state after, or a dash.
    static let documented: [String: [String: String]] = {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/states.md")
        let rows = (try? String(contentsOf: page, encoding: .utf8))?.split(separator: "\n").filter { $0.hasPrefix("| ") } ?? []
        let cells = rows.map { $0.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        guard let head = cells.first else { return [:] }
        return Dictionary(
            uniqueKeysWithValues: cells.dropFirst().map { ($0[0], Dictionary(uniqueKeysWithValues: zip(head, $0).dropFirst())) })
    }()

    @Test(arguments: AppointmentState.allCases, Transition.allCases)
    func `every cell of the table is what the page says, and what the verb does`(state: AppointmentState, transition: Transition)
        throws
    {
        let cell = try #require(Self.documented[state.rawValue]?[transition.rawValue])
        #expect(state.next(transition)?.rawValue ?? "–" == cell)
        let appointment = Self.appointment(state)
        guard cell != "–" else {
            #expect(throws: Refusal.transitionNotAllowed) { try Self.after(transition, appointment) }
            return
        }
        let next = try Self.after(transition, appointment)
        #expect(next.state.rawValue == cell)
        #expect(next.version == 4 && next.updatedAt > appointment.updatedAt && next.createdAt == appointment.createdAt)
    }

    @Test func `the page knows every state and every transition, and no other`() {
        #expect(Set(Self.documented.keys) == Set(AppointmentState.allCases.map(\.rawValue)))
        for row in Self.documented.values { #expect(Set(row.keys) == Set(Transition.allCases.map(\.rawValue))) }
    }

    @Test func `a hold is over at its end and not before`() throws {
        let held = Self.appointment(.pending)
        let end = try #require(held.heldUntil)
        #expect(try held.confirmed(at: end - Span(microseconds: 1)).heldUntil == nil)
        #expect(throws: Refusal.holdExpired) { try held.confirmed(at: end) }
        #expect(throws: Refusal.holdExpired) {
            try held.moved(to: PlacingTests.placement(), at: end, policy: Self.policy, byStaff: true)
        }
        #expect(throws: Refusal.transitionNotAllowed) { try held.expired(by: "clinic", at: end - Span(microseconds: 1)) }
        #expect(try held.expired(by: "clinic", at: end).cancellation == Cancellation(by: "clinic", at: end, reason: .expired))
    }

    @Test func `a patient may cancel or move until the cut-off, the desk at any time`() throws {
        let booked = Self.appointment(.booked)
        let last = Self.start - .hours(24)
        let late = last + Span(microseconds: 1)
        #expect(
            try booked.cancelled(by: "patient:4", at: last, reason: .patient, policy: Self.policy, byStaff: false).state
                == .cancelled)
        #expect(throws: Refusal.cancellationTooLate) {
            try booked.cancelled(by: "patient:4", at: late, reason: .patient, policy: Self.policy, byStaff: false)
        }
        #expect(throws: Refusal.cancellationTooLate) {
            try booked.moved(to: PlacingTests.placement(), at: late, policy: Self.policy, byStaff: false)
        }
        #expect(
            try booked.cancelled(by: "desk:1", at: late, reason: .desk, policy: Self.policy, byStaff: true).cancellation?.by
                == "desk:1")
    }

    @Test func `a held time can be given back by the patient however late`() throws {
        let cancelled = try Self.appointment(.pending).cancelled(
            by: "patient:4", at: Self.start, reason: .patient, policy: Self.policy, byStaff: false)
        #expect(cancelled.state == .cancelled && cancelled.heldUntil == nil && cancelled.cancellation?.reason == .patient)
    }

    @Test func `what has ended is refused as ended, not as too late`() {
        #expect(throws: Refusal.transitionNotAllowed) {
            try Self.appointment(.fulfilled).cancelled(
                by: "patient:4", at: Self.start, reason: .patient, policy: Self.policy, byStaff: false)
        }
    }

    @Test func `a move takes the new time and place, and keeps the rest`() throws {
        let placement = PlacingTests.placement()
        let moved = try Self.appointment(.pending).moved(to: placement, at: Self.now, policy: Self.policy, byStaff: false)
        #expect(moved.visit == placement.visit && moved.practitioner == placement.practitioner && moved.room == placement.room)
        #expect(moved.device == placement.device && moved.location == placement.location)
        #expect(moved.heldUntil == Self.now + .minutes(5) && moved.patients == [id(4)])
    }
}
