import Admission

// Which requests give way to which. A change is a change and a read is a look unless it stands here.
extension Route {
    static let urgencies: [String: Urgency] = [
        // Who is there already is not sent away.
        "arriveAppointment": .vital, "checkInAppointment": .vital, "endSession": .vital,
        // Somebody is in danger.
        "breakGlass": .vital,
        "cancelAppointment": .release, "declineOffer": .release, "leaveWaitlist": .release, "cancelSeries": .release,
        // They come again by themselves.
        "hearOfPayment": .change, "hearOfText": .change,
        // All of a patient's life, or of an appointment's.
        "auditAppointment": .report, "exportPatient": .report,
    ]

    static func urgency(of operation: String, _ method: Method, _ handler: Handler) -> Urgency {
        if let named = urgencies[operation] { return named }
        return switch handler {
        case .house, .door: .vital
        case .clinic: method == .get ? .look : .change
        }
    }
}
