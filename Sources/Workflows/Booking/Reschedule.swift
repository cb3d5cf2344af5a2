public import Notation
import People
public import Scheduling
import Storage

/// Where an appointment should go. What is nil stays as it is.
public struct MoveRequest: Sendable {
    public var start: Instant
    public var practitioner: ID<Resource>?
    public var room: ID<Resource>?
    public var device: ID<Resource>?
    public var overrideReason: Personal<String>?

    public init(
        start: Instant, practitioner: ID<Resource>? = nil, room: ID<Resource>? = nil, device: ID<Resource>? = nil,
        overrideReason: Personal<String>? = nil
    ) {
        self.start = start
        self.practitioner = practitioner
        self.room = room
        self.device = device
        self.overrideReason = overrideReason
    }
}

extension Clinic {
    /// Gives up the appointment's time and takes the new one, in one step: when the new one cannot be had, nothing changes.
    public func reschedule(
        _ target: AppointmentTarget, to move: MoveRequest, call: Call, wording: Wording<Appointment>
    ) async throws -> Reply<Appointment> {
        try await perform(call, wording: wording) { story in
            let appointment = try story.permitted(target.id) { .changeAppointment(patients: $0, practitioner: $1) }
            try story.requireMove(of: appointment, move)
            return appointment
        } act: { story, appointment in
            try story.matches(appointment, target)
            return try story.move(appointment, move)
        }
    }
}

extension Story {
    fileprivate func requireMove(of appointment: Appointment, _ move: MoveRequest) throws {
        try requireTime(
            with: move.practitioner ?? appointment.practitioner, for: appointment.patients.map { $0.of() },
            isOverride: move.overrideReason != nil)
    }

    fileprivate func move(_ appointment: Appointment, _ move: MoveRequest) throws -> Appointment {
        let wish = Wish(
            visitType: appointment.visitType, practitioner: move.practitioner ?? appointment.practitioner, start: move.start,
            patients: appointment.patients, room: move.room, device: move.device, isOverride: move.overrideReason != nil)
        try requireNoOffer(appointment)
        try appointment.mayMove(at: now, policy: policy(of: appointment), byStaff: call.caller.isStaff)
        try mustNotBeAsked(appointment.id)
        try mustBookHere(appointment.patients)
        try mustBeOurs(appointment.id)
        let placement = try directory.place(
            wish, in: calendar, now: now, moving: appointment.id)
        var moved = try appointment.moved(
            to: placement, at: now, policy: policy(of: appointment), byStaff: call.caller.isStaff,
            overrideReason: placement.overridden.isEmpty ? nil : move.overrideReason)
        try exchange(appointment, for: moved, placement)
        moved.external = try carryMoveElsewhere(moved, from: appointment)
        try tell(
            .rescheduled, of: moved, from: appointment.state, before: appointment, reason: move.overrideReason,
            overridden: placement.overridden)
        return moved
    }

    private func exchange(_ appointment: Appointment, for moved: Appointment, _ placement: Placement) throws {
        try update(moved)
        try releaseClaims(of: appointment)
        try claim(placement, for: moved)
        for patient in moved.patients where moved.visit.from != appointment.visit.from {
            try transaction.run(
                MoveAppointmentPatient(
                    patient: patient, from: appointment.visit.from, appointment: moved.id, to: moved.visit.from))
        }
        try cancelFollowUps(of: appointment)
        if moved.visit != appointment.visit || moved.practitioner != appointment.practitioner { try free(appointment) }
        try scheduleFollowUps(of: moved)
    }
}
