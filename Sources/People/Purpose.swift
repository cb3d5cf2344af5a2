/// What somebody looks at a patient's data for: of HL7's PurposeOfUse those a clinic has.
public enum Purpose: String, Sendable, CaseIterable {
    case treatment = "TREAT"
    case payment = "HPAYMT"
    case operations = "HOPERAT"
    /// The patient asked for it, or asks themself.
    case patientRequest = "PATRQT"
    /// An emergency of somebody whom the caller cares for anyway.
    case emergencyTreatment = "ETREAT"
    /// An emergency of somebody else's patient: only while the glass is broken.
    case brokenGlass = "BTG"
}

extension Role {
    /// What a caller is taken to look for who says nothing.
    public var usualPurpose: Purpose {
        switch self {
        case .patient: .patientRequest
        case .practitioner, .service: .treatment
        case .desk, .admin, .privacy: .operations
        case .billing: .payment
        }
    }

    /// What a caller may say they look for.
    public var purposes: Set<Purpose> {
        switch self {
        case .patient: [.patientRequest]
        case .practitioner: [.treatment, .emergencyTreatment, .operations, .patientRequest, .brokenGlass]
        case .desk: [.operations, .treatment, .emergencyTreatment, .payment, .patientRequest, .brokenGlass]
        case .billing: [.payment, .operations]
        case .admin, .privacy: [.operations, .patientRequest]
        case .service: [.treatment, .payment, .operations, .patientRequest]
        }
    }
}
