import Notation
package import Scheduling

extension Problem {
    /// One problem for each refusal. Staff hear the rule; a patient who asks for a time hears only that it cannot be had.
    package init(_ refusal: Refusal, forStaff: Bool) {
        let type = refusal.problemType
        if let field = refusal.differingField {
            self.init(
                type, detail: refusal.sentence,
                errors: [FieldProblem(pointer: "#/\(field)", detail: "says something else by now", line: 1)],
                refusal: forStaff ? refusal : nil)
        } else if type == .unknownReference || type == .unsuitable {
            self.init(type, detail: refusal.sentence, refusal: refusal)
        } else {
            self.init(type, detail: forStaff ? refusal.sentence : nil, refusal: forStaff ? refusal : nil)
        }
    }
}

extension Refusal {
    /// The field of a record that does not say what a correction says it does.
    var differingField: String? {
        switch self {
        case .nameDiffers: "name"
        case .birthDateDiffers: "birthDate"
        case .emailDiffers: "email"
        case .phoneDiffers: "phone"
        case .recordNumberDiffers: "recordNumber"
        default: nil
        }
    }

    var problemType: ProblemType {
        switch self {
        case .notPermitted: .notPermitted
        case .appointmentUnknown, .recordUnknown: .notFound
        case .identifierAlreadyUsed: .identifierAlreadyUsed
        case .patientUnknown, .visitTypeUnknown, .practitionerUnknown, .roomUnknown, .deviceUnknown, .locationUnknown,
            .providerUnknown:
            .unknownReference
        case .patientClosed: .recordClosed
        case .nameDiffers, .birthDateDiffers, .emailDiffers, .phoneDiffers, .recordNumberDiffers: .recordDiffers
        case .correctionOpen: .correctionOpen
        case .alreadyWaiting: .alreadyWaiting
        case .appointmentsAhead, .sharedAppointmentAhead: .appointmentsAhead
        case .legalHold, .retentionRuns: .recordKept
        case .changedMeanwhile: .changedMeanwhile
        case .transitionNotAllowed: .transitionNotAllowed
        case .holdExpired: .holdExpired
        case .cancellationTooLate: .cancellationTooLate
        case .paymentNeeded: .paymentNeeded
        case .nothingToPay: .nothingToPay
        case .refundTooLarge: .refundTooLarge
        case .practitionerUnsuitable, .roomUnsuitable, .deviceUnsuitable, .tooManyPatients: .unsuitable
        case .seriesEmpty, .seriesTooLong: .seriesUnfit
        case .overrideNeedsReason: .overrideNeedsReason
        case .bookedElsewhere: .bookedElsewhere
        case .notReadyToSwitch: .notReadyToSwitch
        case .holdsSuspended: .holdsSuspended
        case .tooManyHolds: .tooManyHolds
        case .tooManyAppointments: .tooManyAppointments
        case .startIsInThePast: .startInThePast
        case .startOffGrid, .noticeTooShort, .beyondHorizon, .holiday, .practitionerAway, .outsideWorkingHours, .dayIsFull,
            .practitionerTaken, .roomTaken, .deviceTaken:
            .timeUnavailable
        case .patientTaken: .patientBusy
        }
    }

    /// In the words of the desk.
    var sentence: String {
        switch self {
        case .notPermitted: "This is not permitted."
        case .appointmentUnknown: "There is no such appointment."
        case .identifierAlreadyUsed: "The identifier is already used for something else."
        case .patientUnknown: "There is no such patient."
        case .visitTypeUnknown: "There is no such visit type."
        case .practitionerUnknown: "There is no such practitioner."
        case .roomUnknown: "There is no such room."
        case .deviceUnknown: "There is no such device."
        case .locationUnknown: "There is no such location."
        case .providerUnknown: "There is no such scheduling provider in the settings."
        case .recordUnknown: "There is no such record."
        case .patientClosed: "The patient's record is closed."
        case .nameDiffers: "The record says another name by now."
        case .birthDateDiffers: "The record says another date of birth by now."
        case .emailDiffers: "The record says another e-mail address by now."
        case .phoneDiffers: "The record says another telephone number by now."
        case .recordNumberDiffers: "The record says another number of the clinic's own by now."
        case .correctionOpen: "A correction of this field is open already."
        case .alreadyWaiting: "The patient waits for such a visit already."
        case .appointmentsAhead: "There are appointments ahead. Cancel them first, or send cancelAppointments."
        case .sharedAppointmentAhead: "An appointment ahead is shared with other patients. Settle it first."
        case .legalHold: "A legal hold keeps the record."
        case .retentionRuns: "The clinic's rules keep the record for some time yet."
        case .changedMeanwhile: "It has been changed meanwhile."
        case .transitionNotAllowed: "Its state does not allow that."
        case .holdExpired: "The hold has expired."
        case .cancellationTooLate: "The cut-off for cancelling or moving has passed."
        case .paymentNeeded: "It has to be paid first."
        case .nothingToPay: "This kind of visit costs nothing."
        case .refundTooLarge: "It is not what is left of what was paid, or was to go back."
        case .practitionerUnsuitable: "The practitioner does not do this visit."
        case .roomUnsuitable: "The room does not suit this visit."
        case .deviceUnsuitable: "The device does not suit this visit."
        case .tooManyPatients: "There are too many patients for this visit, or one stands twice."
        case .seriesEmpty: "The rule names no day, or the exceptions take all of them."
        case .seriesTooLong: "A series has at most 53 visits within a year."
        case .overrideNeedsReason: "An override needs a reason."
        case .bookedElsewhere: "The system that is being replaced still takes this patient's appointments."
        case .notReadyToSwitch: "Something is not ready yet: GET /v1/legacy lists it under hindrances."
        case .holdsSuspended: "Too many times were held for this patient and not taken."
        case .tooManyHolds: "The patient holds too many times already."
        case .tooManyAppointments: "The patient has too many appointments ahead already."
        case .startIsInThePast: "The start has passed."
        case .startOffGrid: "Visits of this kind do not start at this minute."
        case .noticeTooShort: "The start is too soon."
        case .beyondHorizon: "The start is too far ahead."
        case .holiday: "The location is closed on that day."
        case .practitionerAway: "The practitioner is away or keeps that time."
        case .outsideWorkingHours: "The practitioner does not work at that time."
        case .dayIsFull: "The practitioner takes no more visits on that day."
        case .practitionerTaken: "The practitioner has another appointment."
        case .patientTaken: "A patient has another appointment."
        case .roomTaken: "No suitable room is free."
        case .deviceTaken: "No suitable device is free."
        }
    }
}
