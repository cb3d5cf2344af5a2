/// The closed catalogue of everything that can be answered besides success (RFC 9457). Each has an address on this server
/// where it is explained.
public enum ProblemType: String, Sendable, CaseIterable {
    case badRequest = "bad-request"
    case noSuchClinic = "no-such-clinic"
    case invalidFields = "invalid-fields"
    case tokenMissing = "token-missing"
    case tokenInvalid = "token-invalid"
    case credentialsWrong = "credentials-wrong"
    case sessionEnded = "session-ended"
    case identityRefused = "identity-refused"
    case secondFactorNeeded = "second-factor-needed"
    case secondFactorRequired = "second-factor-required"
    case serviceUnknown = "service-unknown"
    case grantUnsupported = "grant-unsupported"
    case scopeNotGranted = "scope-not-granted"
    case linkOver = "link-over"
    case cursorGone = "cursor-gone"
    case tooManyTries = "too-many-tries"
    case rateLimited = "rate-limited"
    case notPermitted = "not-permitted"
    case crossSite = "cross-site"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case bodyTooLarge = "body-too-large"
    case bodyTooSlow = "body-too-slow"
    case mediaTypeUnsupported = "media-type-unsupported"
    case idempotencyKeyMissing = "idempotency-key-missing"
    case idempotencyKeyReused = "idempotency-key-reused"
    case requestInProgress = "request-in-progress"
    case identifierAlreadyUsed = "identifier-already-used"
    case preconditionRequired = "precondition-required"
    case changedMeanwhile = "changed-meanwhile"
    case recordClosed = "record-closed"
    case recordDiffers = "record-differs"
    case recordKept = "record-kept"
    case correctionOpen = "correction-open"
    case alreadyWaiting = "already-waiting"
    case tooManyWebhooks = "too-many-webhooks"
    case appointmentsAhead = "appointments-ahead"
    case transitionNotAllowed = "transition-not-allowed"
    case holdExpired = "hold-expired"
    case cancellationTooLate = "cancellation-too-late"
    case paymentNeeded = "payment-needed"
    case nothingToPay = "nothing-to-pay"
    case refundTooLarge = "refund-too-large"
    case unknownReference = "unknown-reference"
    case unsuitable = "unsuitable"
    case seriesUnfit = "series-unfit"
    case holdsSuspended = "holds-suspended"
    case tooManyHolds = "too-many-holds"
    case tooManyAppointments = "too-many-appointments"
    case startInThePast = "start-in-the-past"
    case timeUnavailable = "time-unavailable"
    case patientBusy = "patient-busy"
    case overrideNeedsReason = "override-needs-reason"
    case bookedElsewhere = "booked-elsewhere"
    case notReadyToSwitch = "not-ready-to-switch"
    case callUnsigned = "call-unsigned"
    case callForged = "call-forged"
    case callStale = "call-stale"
    case callUnreadable = "call-unreadable"
    case outcomeUnknown = "outcome-unknown"
    case overloaded = "overloaded"
    case moving = "moving"
    case providerUnavailable = "provider-unavailable"
    case unavailable = "unavailable"
    case internalFault = "internal-fault"

    /// Whether and how the same request may be tried again.
    public enum Retry: String, Sendable { case never, sameKey = "same-key", after }

    public var status: Int {
        switch self {
        case .badRequest, .invalidFields, .idempotencyKeyMissing, .grantUnsupported, .scopeNotGranted, .callUnreadable: 400
        case .tokenMissing, .tokenInvalid, .credentialsWrong, .sessionEnded, .identityRefused, .secondFactorNeeded,
            .serviceUnknown:
            401
        case .paymentNeeded: 402
        case .notPermitted, .crossSite, .secondFactorRequired, .callUnsigned, .callForged, .callStale: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .bodyTooSlow: 408
        case .requestInProgress, .identifierAlreadyUsed, .transitionNotAllowed, .holdExpired, .cancellationTooLate,
            .timeUnavailable, .patientBusy, .tooManyHolds, .tooManyAppointments, .recordClosed, .recordDiffers, .recordKept,
            .correctionOpen, .alreadyWaiting, .tooManyWebhooks, .appointmentsAhead, .nothingToPay, .refundTooLarge,
            .bookedElsewhere, .notReadyToSwitch:
            409
        case .linkOver, .cursorGone: 410
        case .changedMeanwhile: 412
        case .bodyTooLarge: 413
        case .mediaTypeUnsupported: 415
        case .noSuchClinic: 421
        case .idempotencyKeyReused, .unknownReference, .unsuitable, .seriesUnfit, .startInThePast, .overrideNeedsReason: 422
        case .preconditionRequired: 428
        case .tooManyTries, .rateLimited, .holdsSuspended: 429
        case .internalFault: 500
        case .outcomeUnknown, .overloaded, .moving, .providerUnavailable, .unavailable: 503
        }
    }

    public var title: String {
        switch self {
        case .badRequest: "The request cannot be read"
        case .noSuchClinic: "No clinic is known by this name here"
        case .invalidFields: "Some fields are missing or wrong"
        case .tokenMissing: "A token is needed"
        case .tokenInvalid: "The token is not valid"
        case .credentialsWrong: "Login or password are not right"
        case .sessionEnded: "The session has ended"
        case .identityRefused: "This sign-in opens no door here"
        case .secondFactorNeeded: "A code is needed"
        case .secondFactorRequired: "A second factor has to be added first"
        case .serviceUnknown: "No service is known by this id and secret"
        case .grantUnsupported: "This kind of grant is not given"
        case .scopeNotGranted: "The service may not have this scope"
        case .linkOver: "The link is not good any more"
        case .cursorGone: "The changes cannot be followed from here"
        case .tooManyTries: "Too many tries"
        case .rateLimited: "Too many requests"
        case .notPermitted: "Not permitted"
        case .crossSite: "It does not come from this server's own page"
        case .notFound: "There is no such thing"
        case .methodNotAllowed: "This cannot be done here"
        case .bodyTooLarge: "The body is too large"
        case .bodyTooSlow: "The body came too slowly"
        case .mediaTypeUnsupported: "The body must be JSON"
        case .idempotencyKeyMissing: "An Idempotency-Key is needed"
        case .idempotencyKeyReused: "The Idempotency-Key was used for another request"
        case .requestInProgress: "The same request is still being worked on"
        case .identifierAlreadyUsed: "The identifier is in use"
        case .preconditionRequired: "If-Match is needed"
        case .changedMeanwhile: "It has changed meanwhile"
        case .recordClosed: "The patient's record is closed"
        case .recordDiffers: "The record says something else by now"
        case .recordKept: "The record has to be kept"
        case .correctionOpen: "A correction of this field is open already"
        case .alreadyWaiting: "The patient waits for this already"
        case .tooManyWebhooks: "There are as many webhooks as there may be"
        case .appointmentsAhead: "There are appointments ahead"
        case .transitionNotAllowed: "Its state does not allow that"
        case .holdExpired: "The hold has expired"
        case .cancellationTooLate: "Too late to cancel or move"
        case .paymentNeeded: "It has to be paid first"
        case .nothingToPay: "It costs nothing"
        case .refundTooLarge: "So much was not paid"
        case .unknownReference: "Something named in the request does not exist"
        case .unsuitable: "It does not fit this visit"
        case .seriesUnfit: "The series is none, or too long"
        case .holdsSuspended: "No more times can be held for a while"
        case .tooManyHolds: "Too many times are held already"
        case .tooManyAppointments: "Too many appointments are ahead already"
        case .startInThePast: "The time has passed"
        case .timeUnavailable: "The time is not available"
        case .patientBusy: "A patient has another appointment at this time"
        case .overrideNeedsReason: "An override needs a reason"
        case .bookedElsewhere: "This is booked in the other system"
        case .notReadyToSwitch: "It is too early to switch"
        case .callUnsigned: "There is no signature"
        case .callForged: "The signature is not right"
        case .callStale: "The signature is too old"
        case .callUnreadable: "What it says cannot be understood"
        case .outcomeUnknown: "It is not known whether it was done"
        case .overloaded: "Too much to do at the moment"
        case .moving: "The clinic is moving"
        case .providerUnavailable: "The identity provider cannot be used at the moment"
        case .unavailable: "Not available at the moment"
        case .internalFault: "Something went wrong here"
        }
    }

    /// What somebody who meets it should know; stands at the problem's own address.
    public var explanation: String {
        switch self {
        case .badRequest:
            "The request is not well-formed: its JSON, its query or its headers. Nothing was done. Correct it and send it again."
        case .noSuchClinic:
            "A server with several clinics knows each by its host name, or by the header `X-Tenant`. These name no clinic of it, or two different ones. Nothing was done."
        case .invalidFields:
            "The member `errors` lists every field that is wrong, each with a JSON pointer and what would be right. Nothing was done."
        case .tokenMissing: "Send `Authorization: Bearer <token>`. `POST /v1/sessions` gives one to who signs in."
        case .credentialsWrong:
            "There is no such login, the password is another, or the account is locked: which of them is not said. Nothing was done."
        case .sessionEnded:
            "It was signed out, its account was locked, it has expired, or one of its refresh tokens was used twice, which ends it for everybody who has one. Sign in again."
        case .identityRefused:
            "What came back from the identity provider does not answer what this browser has asked, or means nobody who may sign in here. Begin again; when that does not help, ask whoever looks after accounts: the audit says why. The password still signs in."
        case .secondFactorNeeded:
            "Login and password are right. Send them again with `code`: the six digits your authenticator shows, or a recovery code."
        case .secondFactorRequired:
            "The clinic wants a second factor of everybody in this role. Add one with `POST /v1/second-factor`, confirm it, and continue the session."
        case .serviceUnknown:
            "There is no such service, its secret is another, it has run out or the service was revoked: which of them is not said. In OAuth's words `invalid_client`."
        case .grantUnsupported: "Send `grant_type=client_credentials`: other systems are given tokens for their own sake only."
        case .scopeNotGranted:
            "A scope is written as in SMART App Launch 2.0, such as `system/Appointment.rs`, and a service has those it was made with."
        case .linkOver:
            "The code of a letter is good once and for a limited time, and only as long as the account's password and address are what they were. Ask for another letter. Nothing was done."
        case .cursorGone:
            "This database does not have the change the cursor names, or has it elsewhere: the clinic has moved, or was put back to an earlier time. Ask for `after=now`, keep the cursor, read how things are, and follow from there."
        case .tooManyTries:
            "After five wrong passwords, or five letters asked for, each further try has to wait, twice as long as the one before, up to a quarter of an hour. `Retry-After` says how long. Nothing was done."
        case .rateLimited:
            "More was asked in a short time than one user, one address, or everybody together may. `RateLimit-Policy` names the limit, `Retry-After` says when to come back. Nothing was done."
        case .tokenInvalid: "The token has expired, or was not issued by this clinic. Get a new one."
        case .notPermitted: "The token's role may not do this."
        case .crossSite:
            "What is sent with cookies must come from a page of this origin (`Origin`, `Sec-Fetch-Site`), and a change must carry the session's `csrfToken` in `X-CSRF-Token`. Nothing was done. What is no browser sends `Authorization: Bearer` instead."
        case .notFound: "There is nothing at this address, or the token may not know of it."
        case .methodNotAllowed: "The address exists; the header `Allow` says what can be done with it."
        case .bodyTooLarge: "Bodies may have up to 256 KiB."
        case .bodyTooSlow: "A body must arrive within 15 seconds. Nothing was done."
        case .mediaTypeUnsupported: "Send `Content-Type: application/json`."
        case .idempotencyKeyMissing:
            "Every change needs the header `Idempotency-Key`: 1 to 255 printable characters, a new one for each thing you want done, the same one when you try again. It is kept for 72 hours."
        case .idempotencyKeyReused:
            "The key stands for another request of yours. Use a new key for a new request. Nothing was done."
        case .requestInProgress:
            "An earlier try with this key has not finished. Wait a moment and send it again with the same key."
        case .identifierAlreadyUsed: "The identifier you chose belongs to something else. Choose a new one."
        case .preconditionRequired: "Send `If-Match` with the ETag of the version you have seen, so that nobody's change is lost."
        case .changedMeanwhile: "Somebody changed it after you read it. Read it again, and decide again."
        case .recordClosed:
            "A closed record takes no appointments and is not changed. The privacy officer or an admin can open it again until it is erased. Nothing was done."
        case .recordDiffers:
            "A correction says what the record says and what it should say. It has been changed meanwhile, or was read wrongly: `errors` names the field. Nothing was done. Read the record again, and decide again."
        case .recordKept:
            "A rule for how long records are kept, or a legal hold, forbids to erase it now. `GET /v1/patients/{id}/retention` says which, and until when. Nothing was done."
        case .correctionOpen: "Each field can have one open request for correction. Wait until it is decided. Nothing was done."
        case .alreadyWaiting:
            "A patient stands once on the waitlist for each kind of visit. Withdraw the other place to change what it says. Nothing was done."
        case .tooManyWebhooks: "A clinic may have a hundred. Delete one that nobody needs. Nothing was done."
        case .appointmentsAhead:
            "A record with appointments ahead is not closed. Cancel them first, or send `cancelAppointments` to have those cancelled that are the patient's alone. Nothing was done."
        case .transitionNotAllowed: "See the table of states: what you asked for does not follow from the state it is in."
        case .holdExpired: "The time was held for you and has been given back. Look for a time again."
        case .cancellationTooLate: "The clinic's cut-off has passed. Call the desk."
        case .paymentNeeded:
            "This visit costs something. Hold its time (`hold`), ask for a payment (`POST /v1/appointments/{id}/payment`) and pay it: then it is booked. Staff may confirm it unpaid, with `unpaidReason`. Nothing was done."
        case .nothingToPay: "This kind of visit has no price. Confirm it as it is. Nothing was done."
        case .refundTooLarge:
            "Less is left of what was paid than was to be given back, or what is recorded instead of a refund is not as much as that was. `GET /v1/appointments/{id}/payment` says what has gone back. Nothing was done."
        case .unknownReference: "A patient, practitioner, visit type, room, device or location in the request does not exist."
        case .unsuitable: "The practitioner, room or device does not do this visit, or there are too many patients for it."
        case .seriesUnfit:
            "The rule with its start and exceptions names no visit, more than 53, or one that is more than 366 days after the first. Nothing was done."
        case .holdsSuspended:
            "Many times were held for this patient, or from one address, within an hour and not taken. Holding is possible again when some of that is longer ago; booking outright is possible now. The clinic is told."
        case .tooManyHolds: "A patient may hold a few times at once. Confirm one or give it back, and hold again."
        case .tooManyAppointments:
            "A patient may have so many appointments ahead as the clinic allows. The desk can book more, or cancel one that is not needed."
        case .startInThePast: "Choose a time that is still to come."
        case .timeUnavailable: "Look for free times again and choose another. Staff are told the reason in `refusal`."
        case .patientBusy: "Nobody can be in two places at once. Move or cancel the other appointment first."
        case .overrideNeedsReason: "Staff may set rules aside only with a reason, which is audited."
        case .bookedElsewhere:
            "The clinic is replacing another system, which still takes this patient's appointments. Book, move or cancel there; nothing was done here."
        case .notReadyToSwitch:
            "Not everything of the other system is here yet, the two differ too much, or something of ours is not there yet. The list of what hinders stands in GET /v1/legacy."
        case .callUnsigned:
            "What is told here comes from a partner of the clinic's and is signed by them. This has no signature, or none that can be read. Nothing was kept."
        case .callForged:
            "Nobody has signed it who knows the secret that is set here. After a secret was changed at the provider, change it here too. Nothing was kept."
        case .callStale:
            "It was signed more than five minutes ago, or will be: somebody may be saying it again, or a clock is wrong. Nothing was kept."
        case .callUnreadable: "The signature is right and what it is over is nothing this server knows. Nothing was kept."
        case .outcomeUnknown:
            "The connection to the database broke at the wrong moment. Send the same request with the same Idempotency-Key: it finds the truth."
        case .overloaded: "Too many requests are waiting. Nothing was done. Try again after the time in `Retry-After`."
        case .moving:
            "The clinic is on its way to another database. Nothing was done. Send the same request with the same Idempotency-Key in a moment."
        case .providerUnavailable:
            "It cannot be reached, or its answers cannot be used. Nothing was done. Try again after the time in `Retry-After`, or sign in with the password."
        case .unavailable: "The server is starting, stopping, or cannot reach its database. Nothing was done."
        case .internalFault: "It is our fault and has been logged under the request's id. Nothing was done."
        }
    }

    public var retry: Retry {
        switch self {
        case .requestInProgress, .outcomeUnknown, .moving: .sameKey
        case .overloaded, .providerUnavailable, .unavailable, .tooManyTries, .rateLimited, .holdsSuspended: .after
        default: .never
        }
    }

    /// What OAuth 2.0 calls it (RFC 6749 §5.2), where a service asks for a token.
    var oauthName: String? {
        switch self {
        case .serviceUnknown: "invalid_client"
        case .grantUnsupported: "unsupported_grant_type"
        case .scopeNotGranted: "invalid_scope"
        case .badRequest, .invalidFields: "invalid_request"
        default: nil
        }
    }

    /// Seconds for `Retry-After`.
    var retryAfterSeconds: Int? {
        switch self {
        case .requestInProgress, .outcomeUnknown, .overloaded, .moving, .tooManyTries, .rateLimited: 1
        case .providerUnavailable: 30
        case .unavailable: 5
        case .holdsSuspended: 900
        default: nil
        }
    }
}
