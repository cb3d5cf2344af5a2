import Notation
import Partners
import Scheduling

extension RecordsAppointment {
    /// - Parameter numbers: the clinic's own numbers of its patients; one that can be no identifier there is left out.
    init(_ appointment: Appointment, _ numbers: [Personal<String>]) {
        let patients = numbers.filter { Self.isIdentifier($0.revealed) }.map { Personal("Patient/\($0.revealed)") }
        self.init(
            identifier: EffectKey(appointment.id), status: Status(appointment.state), start: appointment.visit.from,
            end: appointment.visit.to, participants: patients + [Personal("Practitioner/\(appointment.practitioner)")])
    }

    /// FHIR R4 §2.24.0.1.
    private static func isIdentifier(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 45 || $0 == 46
            }
    }
}

extension RecordsAppointment.Status {
    fileprivate init(_ state: AppointmentState) {
        self =
            switch state {
            case .pending: .pending
            case .booked: .booked
            case .arrived, .checkedIn: .arrived
            case .fulfilled: .fulfilled
            // What should never have been written takes nobody's time there either.
            case .cancelled, .enteredInError: .cancelled
            case .noshow: .noshow
            }
    }
}
