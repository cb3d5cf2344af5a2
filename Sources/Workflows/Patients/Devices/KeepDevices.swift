public import Identity
public import Notation
public import People
import Scheduling
import Storage

extension Clinic {
    /// Notes that a device takes a patient's notices from now on. It may be said again whenever an app starts, and says then that the device is
    /// there still. A registration is one patient's at a time: whoever registers a device has it, and it hears nothing more of whoever had
    /// it before. A session is one device's, so a new registration in it takes the old one's place.
    ///
    /// Whoever registers a device wants notices on it: that is consent for `push`, unless it was withdrawn.
    ///
    /// - Parameter session: the caller's; when it ends, the device is forgotten.
    public func registerDevice(
        of patient: ID<Patient>, _ registration: DeviceRegistration, in session: ID<Session>?, call: Call,
        wording: Wording<PatientDevice>
    ) async throws -> Reply<PatientDevice> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(patient, [patient])
            guard try story.permits(.keepPreferences(patient)) else { throw Refusal.recordUnknown }
            // Held: whoever closes the record or withdraws consent at this moment comes before or after.
            guard let record = try story.transaction.first(RecordStateToChange(id: patient)), record.erasedAt == nil else {
                throw Refusal.recordUnknown
            }
            if record.closedAt != nil { throw Refusal.patientClosed }
        } act: { story, _ in
            let index = try story.keys.digest(ofRegistration: registration.token)
            let known = try story.transaction.first(DeviceByRegistration(index: index))
            let own = known.flatMap { $0.patient == patient ? $0 : nil }
            let device = PatientDevice(
                id: own?.id ?? story.newID(), patient: patient, session: call.caller.role == .patient ? session : nil,
                platform: registration.platform, name: registration.name, token: registration.token,
                language: registration.language, createdAt: own?.createdAt ?? story.now, seenAt: story.now)
            if let known, own == nil {
                story.trail.concerns([known.patient])
                try story.auditChange(of: known.patient.of(), "device.taken-over")
            }
            if let session = device.session {
                try story.transaction.run(ForgetOtherDevicesOfSession(session: session, index: index))
            }
            try story.transaction.run(StoreDevice(device: try story.keys.seal(device), index: index))
            let newestFirst = try story.transaction.fetch(DevicesOf(patient: patient)).map(\.kept).sorted {
                ($0.seenAt, $0.id) > ($1.seenAt, $1.id)
            }
            for old in newestFirst.dropFirst(PatientDevice.most) {
                try story.transaction.run(ForgetDevice(id: old.id, patient: patient))
            }
            if try story.transaction.preferences(of: patient).consents[.push] == nil {
                let consent = ContactPreferences.Consent(isGiven: true, by: call.caller.principal, at: story.now)
                try story.transaction.run(StoreConsent(patient: patient, channel: .push, consent: consent))
            }
            try story.auditChange(of: patient.of(), "device.registered")
            return device
        }
    }

    /// The devices a patient gets notices on, in the order they were registered.
    public func devices(of patient: ID<Patient>, for call: Call) async throws -> [PatientDevice] {
        let sealed = try await disclose("read.devices", patient, to: call) { look in
            look.trail.concerns([patient])
            let isThere = try look.looking.first(PatientByID(id: patient)) != nil
            guard try look.permits(.keepPreferences(patient)), isThere else { throw Refusal.recordUnknown }
            return try look.looking.fetch(DevicesOf(patient: patient))
        }
        return try await opened(sealed)
    }

    /// Nothing goes to a device any more. Gives what was known of it; to forget one twice is a mistake (`recordUnknown`).
    public func forgetDevice(
        _ id: ID<PatientDevice>, of patient: ID<Patient>, call: Call, wording: Wording<PatientDevice>
    ) async throws -> Reply<PatientDevice> {
        try await perform(call, wording: wording) { story in
            story.trail.isAbout(patient, [patient])
            guard try story.permits(.keepPreferences(patient)) else { throw Refusal.recordUnknown }
        } act: { story, _ in
            guard let device = try story.transaction.fetch(DevicesOf(patient: patient)).first(where: { $0.kept.id == id }),
                try story.transaction.run(ForgetDevice(id: id, patient: patient)) == 1
            else { throw Refusal.recordUnknown }
            try story.auditChange(of: patient.of(), "device.forgotten")
            return try story.keys.open(device)
        }
    }

    func allDevices(of patient: ID<Patient>) async throws -> [PatientDevice] {
        try await opened(try await database.read { try $0.fetch(DevicesOf(patient: patient)) })
    }
}
