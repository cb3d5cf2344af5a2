public import Notation
public import People
public import Scheduling
import Storage
public import Workflows

// The verbs, as callers use them. Without a caller the patient asks for themselves.
extension ClinicFixture {
    @discardableResult
    public func ask(_ ask: Ask, by caller: Caller, key: String? = nil, at clinic: Clinic? = nil) async -> Outcome {
        await history.send(ask, to: clinic ?? self.clinic, by: caller, key: key)
    }

    /// A consultation.
    @discardableResult
    public func book(
        patient: Int = 0, with practitioner: Int = 0, at start: Instant, id: ID<Appointment>? = nil, isHold: Bool = false,
        overrideReason: String? = nil, by caller: Caller? = nil, key: String? = nil, at clinic: Clinic? = nil
    ) async -> Outcome {
        let request = BookingRequest(
            id: id, visitType: plan.consultation, practitioner: plan.practitioner(practitioner), start: start,
            patients: [plan.patient(patient)], isHold: isHold, overrideReason: overrideReason.map { Personal($0) })
        return await ask(.book(request), by: caller ?? plan.patientCaller(patient), key: key, at: clinic)
    }

    @discardableResult
    public func hold(
        patient: Int = 0, with practitioner: Int = 0, at start: Instant, by caller: Caller? = nil, key: String? = nil
    ) async -> Outcome {
        await book(patient: patient, with: practitioner, at: start, isHold: true, by: caller, key: key)
    }

    @discardableResult
    public func confirm(_ id: ID<Appointment>, by caller: Caller, key: String? = nil) async -> Outcome {
        await ask(.confirm(id), by: caller, key: key)
    }

    @discardableResult
    public func cancel(_ id: ID<Appointment>, by caller: Caller, key: String? = nil) async -> Outcome {
        await ask(.cancel(id), by: caller, key: key)
    }

    @discardableResult
    public func move(
        _ id: ID<Appointment>, to start: Instant, with practitioner: Int? = nil, overrideReason: String? = nil,
        by caller: Caller, key: String? = nil
    ) async -> Outcome {
        let move = MoveRequest(
            start: start, practitioner: practitioner.map(plan.practitioner), overrideReason: overrideReason.map { Personal($0) })
        return await ask(.move(id, move), by: caller, key: key)
    }

    public func newID() -> ID<Appointment> { surroundings.identifiers.next(Appointment.self) }
}
