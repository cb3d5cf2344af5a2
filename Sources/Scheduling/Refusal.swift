/// Why the clinic said no, in order of precedence: when several apply, the first is given.
///
/// The order tells nobody more than they may know: permission comes before existence, existence before state, the
/// request's own faults before the calendar, the clinic's rules before other people's appointments.
public enum Refusal: String, Error, Sendable, CaseIterable {
    // Who asks, and for what
    case notPermitted
    case appointmentUnknown
    case identifierAlreadyUsed
    case patientUnknown
    case visitTypeUnknown
    case practitionerUnknown
    case roomUnknown
    case deviceUnknown
    case locationUnknown
    case providerUnknown
    case recordUnknown
    // The record has moved on
    case patientClosed
    case nameDiffers
    case birthDateDiffers
    case emailDiffers
    case phoneDiffers
    case recordNumberDiffers
    case correctionOpen
    case alreadyWaiting
    case appointmentsAhead
    case sharedAppointmentAhead
    case legalHold
    case retentionRuns
    case changedMeanwhile
    case transitionNotAllowed
    case holdExpired
    case cancellationTooLate
    case paymentNeeded
    case nothingToPay
    case refundTooLarge
    // The request does not fit the visit
    case practitionerUnsuitable
    case roomUnsuitable
    case deviceUnsuitable
    case tooManyPatients
    case seriesEmpty
    case seriesTooLong
    case overrideNeedsReason
    // Another system is being replaced
    case bookedElsewhere
    case notReadyToSwitch
    // The clinic's rules
    case holdsSuspended
    case tooManyHolds
    case tooManyAppointments
    case startIsInThePast
    case startOffGrid
    case noticeTooShort
    case beyondHorizon
    case holiday
    case practitionerAway
    case outsideWorkingHours
    case dayIsFull
    // Somebody else was first
    case practitionerTaken
    case patientTaken
    case roomTaken
    case deviceTaken

    /// A time that cannot be had, whatever the reason. Patients hear only this much.
    public var isAboutTheCalendar: Bool {
        switch self {
        case .startOffGrid, .noticeTooShort, .beyondHorizon, .holiday, .practitionerAway, .outsideWorkingHours, .dayIsFull,
            .practitionerTaken, .roomTaken, .deviceTaken:
            true
        default: false
        }
    }

    /// What staff may set aside with a reason. Never the lanes of a resource: the schema keeps those.
    public var canBeOverridden: Bool {
        switch self {
        case .startOffGrid, .noticeTooShort, .beyondHorizon, .holiday, .practitionerAway, .outsideWorkingHours, .dayIsFull: true
        default: false
        }
    }
}
