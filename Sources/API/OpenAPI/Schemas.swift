import Letters
import People
import Scheduling
import Workflows

/// The shapes of bodies as JSON Schema (2020-12), by the names the routes use. Published in `/openapi.json`; the import's
/// schema under `docs/api` is made of the same.
public enum Schemas {
    public static let all: [String: String] = records.merging(requests) { $1 }.merging(lists) { $1 }.merging(house) { $1 }

    private static let uuid = #"{"type":"string","format":"uuid"}"#
    private static let instant = #"{"type":"string","format":"date-time"}"#
    private static let day = #"{"type":"string","format":"date"}"#
    private static let name = #"{"type":"string","minLength":1,"maxLength":128}"#
    private static let truth = #"{"type":"boolean"}"#
    private static func text(_ maximum: Int) -> String { #"{"type":"string","minLength":1,"maxLength":\#(maximum)}"# }
    private static func whole(_ range: ClosedRange<Int>) -> String {
        #"{"type":"integer","minimum":\#(range.lowerBound),"maximum":\#(range.upperBound)}"#
    }
    private static func minutes(_ range: ClosedRange<Int>) -> String {
        #"{"type":"integer","minimum":\#(range.lowerBound),"maximum":\#(range.upperBound),"multipleOf":5}"#
    }
    private static func list(_ of: String, _ count: ClosedRange<Int>? = nil) -> String {
        let bounds = count.map { #","minItems":\#($0.lowerBound),"maxItems":\#($0.upperBound)"# } ?? ""
        return #"{"type":"array","items":\#(of)\#(bounds)}"#
    }
    private static func choice(_ names: [String]) -> String {
        #"{"type":"string","enum":[\#(names.map { "\"\($0)\"" }.joined(separator: ","))]}"#
    }
    private static func reference(_ schema: String) -> String { ##"{"$ref":"#/components/schemas/\##(schema)"}"## }
    private static func object(
        _ members: KeyValuePairs<String, String>, required: [String] = [], closed: Bool = false, also: String = ""
    ) -> String {
        object(members.map { ($0.key, $0.value) }, required: required, closed: closed, also: also)
    }
    private static func object(
        _ members: [(key: String, value: String)], required: [String] = [], closed: Bool = false, also: String = ""
    ) -> String {
        let inside = members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        let needed = required.isEmpty ? "" : #","required":[\#(required.map { "\"\($0)\"" }.joined(separator: ","))]"#
        return
            #"{"type":"object","properties":{\#(inside)}\#(needed)\#(closed ? #","additionalProperties":false"# : "")\#(also.isEmpty ? "" : ",")\#(also)}"#
    }

    private static let roles = Role.allCases.map(\.rawValue)
    private static let shiftStart = #"{"type":"string","pattern":"^([01][0-9]|2[0-3]):[0-5][05]$"}"#
    private static let shiftEnd = #"{"type":"string","pattern":"^(?!00:00)(([01][0-9]|2[0-3]):[0-5][05]|24:00)$"}"#
    private static let email = #"{"type":"string","minLength":1,"maxLength":254,"pattern":"^[^ ]*@[^ ]*$"}"#
    /// As `MailAddress` has it.
    private static let mailAddress: String = {
        let atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
        let label = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
        return #"{"type":"string","minLength":3,"maxLength":254,"pattern":"^\#(atom)(\\.\#(atom))*@\#(label)(\\.\#(label))*$"}"#
    }()
    private static let scope: String = {
        let resources = Scope.Resource.allCases.map { $0 == .all ? #"\\*"# : $0.rawValue }.joined(separator: "|")
        return #"{"type":"string","pattern":"^system/(\#(resources))\\.(?=.)c?r?u?d?s?$"}"#
    }()
    /// Public keys alone (RFC 7517), RSA of 2048 bits or more and P-384.
    private static let keySet: String = {
        let key = object(
            [
                "kty": choice(["RSA", "EC"]), "kid": text(128), "alg": choice(["RS384", "ES384"]), "use": choice(["sig"]),
                "n": text(2048), "e": text(16), "crv": choice(["P-384"]), "x": text(128), "y": text(128),
            ], required: ["kty", "kid"], closed: true)
        return object(["keys": list(key, 1...10)], required: ["keys"], closed: true)
    }()
    private static let service: KeyValuePairs = [
        "id": uuid, "name": text(128), "scopes": list(scope, 1...64), "createdAt": instant, "lastUsedAt": instant,
        "revokedAt": instant,
    ]
    private static let wantedEvent = choice(["*"] + AppointmentEvent.Kind.allCases.map(\.rawValue))
    private static let webhookRequest: [(key: String, value: String)] = [
        ("url", #"{"type":"string","minLength":1,"maxLength":2048,"pattern":"^https?://[^ ]+$"}"#),
        ("events", list(wantedEvent, 1...64)), ("description", text(200)),
    ]
    private static let webhook: [(key: String, value: String)] = [
        ("id", uuid), ("url", text(2_048)), ("description", text(200)), ("events", list(wantedEvent)),
        ("state", choice(Webhook.State.allCases.map(\.rawValue))), ("disabledAt", instant),
        ("disabledBecause", choice(Webhook.Disabling.Cause.allCases.map(\.rawValue))), ("oldSecretUntil", instant),
        ("createdBy", text(200)), ("createdAt", instant), ("version", whole(1...Int(Int32.max))),
    ]
    private static let webhookNeeded = ["id", "url", "events", "state", "createdBy", "createdAt", "version"]
    private static let currency = #"{"type":"string","pattern":"^[a-z]{3}$"}"#
    private static let refundWay = choice(VisitRefund.Way.allCases.map(\.rawValue))
    private static let paymentRefund = object(
        [
            "id": uuid, "amount": whole(1...Int(Int32.max)), "state": choice(VisitRefund.State.allCases.map(\.rawValue)),
            "reason": choice(VisitRefund.Reason.allCases.map(\.rawValue)), "way": refundWay, "givenAt": instant,
            "recordedBy": text(128), "createdAt": instant, "updatedAt": instant,
        ], required: ["id", "amount", "state", "reason", "createdAt", "updatedAt"])
    private static let phone = #"{"type":"string","minLength":1,"maxLength":32,"pattern":"^[0-9+() /.-]+$"}"#
    /// What divides a day, on the five-minute grid.
    private static let grid: String = {
        let steps = (1...288).map { $0 * 5 }.filter { 1440 % $0 == 0 }.map(String.init)
        return #"{"type":"integer","enum":[\#(steps.joined(separator: ","))]}"#
    }()
    private static let deadLetters: KeyValuePairs = ["topic": text(64), "diedFrom": instant, "diedBefore": instant]
    private static let namingSome = #""anyOf":[{"required":["topic"]},{"required":["diedFrom"]},{"required":["diedBefore"]}]"#
    /// What somebody else's calendar says; for staff.
    private static let externalConfirmation = object(
        [
            "provider": text(64), "requestId": text(64), "state": choice(ExternalConfirmation.State.allCases.map(\.rawValue)),
            "attempts": whole(0...Int(Int32.max)), "lastAnswer": text(200), "askedUntil": instant, "updatedAt": instant,
        ], required: ["provider", "requestId", "state", "attempts", "askedUntil", "updatedAt"])
    private static let calendar = #"{"type":"string","minLength":1,"maxLength":64,"pattern":"^[A-Za-z0-9_.-]+$"}"#
    private static let recordFields = RecordField.allCases.map(\.rawValue)
    private static let bases = Correction.Basis.allCases.map(\.rawValue)
    private static let verdicts = EmergencyAccess.Verdict.allCases.map(\.rawValue)
    private static let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    private static let states = [
        "pending", "booked", "arrived", "checked-in", "fulfilled", "cancelled", "noshow", "entered-in-error",
    ]
    private static let cancelReasons = [
        "patient", "practitioner", "desk", "expired", "payment-failed", "provider-failed", "other",
    ]

    private static let quietHours = object(["from": shiftStart, "to": shiftStart], required: ["from", "to"], closed: true)
    private static let waitlistRequest: KeyValuePairs = [
        "patient": uuid, "visitType": uuid, "practitioners": list(uuid, 1...32), "specialty": text(64),
        "locations": list(uuid, 1...32),
        "weekdays": list(choice(weekdays), 0...7), "from": shiftStart, "to": shiftEnd, "earliest": day, "latest": day,
        "urgency": choice(urgencies), "offers": truth, "quietHours": quietHours,
    ]
    private static let waitlistEntry: KeyValuePairs = [
        "id": uuid, "patient": uuid, "visitType": uuid, "practitioners": list(uuid), "specialty": text(64),
        "locations": list(uuid),
        "weekdays": list(choice(weekdays)), "from": shiftStart, "to": shiftEnd, "earliest": day, "latest": day,
        "urgency": choice(urgencies), "offers": truth, "quietHours": quietHours,
        "state": choice(WaitlistPlace.State.allCases.map(\.rawValue)), "since": instant, "askedBy": text(64),
        "missedOffers": whole(0...1_000), "offer": uuid, "endedAt": instant, "version": whole(1...Int(Int32.max)),
    ]
    private static let series: KeyValuePairs = [
        "id": uuid, "visitType": uuid, "practitioner": uuid, "patients": list(uuid), "rule": text(1_000), "start": instant,
        "zone": text(64), "exceptions": list(day), "createdBy": text(64), "createdAt": instant,
        "version": whole(1...Int(Int32.max)), "appointments": list(reference("Appointment")),
    ]
    private static let seriesOrProposal: KeyValuePairs = [
        "id": uuid, "visitType": uuid, "practitioner": uuid, "patients": list(uuid), "rule": text(1_000), "start": instant,
        "zone": text(64), "exceptions": list(day), "createdBy": text(64), "createdAt": instant,
        "version": whole(1...Int(Int32.max)), "appointments": list(reference("Appointment")), "possible": truth,
        "visits": list(proposedVisit),
    ]
    private static let proposedVisit = object(
        [
            "number": whole(1...53), "start": instant, "available": truth, "refusal": text(64),
            "repairs": list(reference("FreeTime")),
        ], required: ["number", "start", "available", "repairs"])
    private static let replacement = object(["day": day, "start": instant], required: ["day", "start"], closed: true)
    private static let scopes = ["this", "following", "all"]
    private static let urgencies = ["routine", "urgent", "asap", "stat"]

    private static let records: [String: String] = [
        "Location": object(
            ["id": uuid, "name": name, "zone": text(64), "address": text(300)], required: ["name", "zone"], closed: true),
        "Practitioner": object(
            [
                "id": uuid, "name": name, "location": uuid, "specialty": text(64), "lanes": whole(1...64),
                "lanesOffered": whole(1...64), "maximumPerDay": whole(1...288), "provider": calendar, "active": truth,
            ], required: ["name", "location", "specialty"], closed: true),
        "Room": place, "Device": place,
        "VisitType": object(
            [
                "id": uuid, "name": name, "durationMinutes": minutes(5...1440), "bufferBeforeMinutes": minutes(0...240),
                "bufferAfterMinutes": minutes(0...240), "specialty": text(64), "practitioners": list(uuid, 1...500),
                "roomTag": text(64), "deviceTag": text(64), "patientsMaximum": whole(1...100),
                "policy": reference("SchedulingPolicy"), "price": reference("Price"), "active": truth,
            ], required: ["name", "durationMinutes"], closed: true,
            also: #""anyOf":[{"required":["specialty"]},{"required":["practitioners"]}]"#),
        "SchedulingPolicy": object(
            [
                "earliestNoticeMinutes": whole(0...525_600), "latestHorizonDays": whole(1...366),
                "cancellationCutoffMinutes": whole(0...525_600), "startGridMinutes": grid,
                "holdMinutes": whole(1...1440),
            ], closed: true),
        "Price": object(
            [
                "amount": whole(1...99_999_999), "currency": currency, "taxRate": whole(0...10_000),
                "refunds": list(
                    object(
                        ["hoursBefore": whole(0...8_760), "percent": whole(0...100)], required: ["hoursBefore", "percent"],
                        closed: true), 0...16),
            ], required: ["amount", "currency"], closed: true),
        "Payment": object(
            [
                "id": uuid, "appointment": uuid, "patient": uuid, "state": choice(VisitPayment.State.allCases.map(\.rawValue)),
                "amount": whole(1...99_999_999), "currency": currency, "received": whole(0...Int(Int32.max)),
                "payWith": text(1_000), "refunds": list(paymentRefund), "createdAt": instant, "updatedAt": instant,
                "paidAt": instant, "version": whole(1...Int(Int32.max)),
            ],
            required: ["id", "appointment", "patient", "state", "amount", "currency", "createdAt", "updatedAt", "version"]),
        "RecordedRefund": object(["refund": paymentRefund, "creditNote": reference("Invoice")], required: ["refund"]),
        "Invoice": object(
            [
                "id": uuid, "number": whole(1...Int(Int32.max)), "kind": choice(Invoice.Kind.allCases.map(\.rawValue)),
                "payment": uuid, "refund": uuid, "patient": uuid, "appointment": uuid, "amount": whole(1...Int(Int32.max)),
                "currency": currency, "taxRate": whole(0...10_000), "tax": whole(0...Int(Int32.max)),
                "net": whole(0...Int(Int32.max)), "issuedAt": instant,
            ], required: ["id", "number", "kind", "payment", "patient", "appointment", "amount", "currency", "issuedAt"]),
        "WorkingHours": object(
            [
                "id": uuid, "resource": uuid, "weekday": choice(weekdays), "from": shiftStart, "to": shiftEnd, "zone": text(64),
                "effectiveFrom": day, "effectiveUntil": day,
            ], required: ["weekday", "from", "to"], closed: true),
        "ScheduleException": object(
            [
                "id": uuid, "resource": uuid, "kind": choice(["leave", "blocked", "extra"]), "from": instant, "to": instant,
                "note": text(500),
            ], required: ["kind", "from", "to"], closed: true),
        "Holiday": object(["id": uuid, "location": uuid, "day": day, "name": name], required: ["day", "name"], closed: true),
        "Patient": object(
            ["id": uuid, "name": name, "birthDate": day, "email": email, "phone": phone, "recordNumber": text(64)],
            required: ["name"],
            closed: true),
        "Appointment": object(
            [
                "id": uuid, "state": choice(states), "visitType": uuid, "practitioner": uuid, "room": uuid, "device": uuid,
                "location": uuid, "patients": list(uuid), "start": instant, "end": instant, "heldUntil": instant,
                "cancellation": object(["by": text(64), "at": instant, "reason": choice(cancelReasons)]),
                "overrideReason": text(500), "createdAt": instant, "updatedAt": instant, "version": whole(1...Int(Int32.max)),
                "externalConfirmation": externalConfirmation,
            ], required: ["id", "state", "visitType", "practitioner", "location", "patients", "start", "end", "version"]),
        "FreeTime": object(
            ["start": instant, "end": instant, "practitioner": uuid, "room": uuid, "device": uuid, "location": uuid],
            required: ["start", "end", "practitioner", "location"]),
        "AuditEntry": object([
            "subject": uuid, "id": uuid, "at": instant, "by": text(64), "act": text(64), "fromState": choice(states),
            "toState": choice(states),
            "reason": text(500), "overridden": list(text(64)), "requestId": text(64), "role": choice(roles),
            "purpose": choice(Purpose.allCases.map(\.rawValue)),
            "address": text(64), "operation": text(64), "outcome": text(64), "patients": list(uuid), "query": text(500),
        ]),
        "SessionGrant": object(
            [
                "session": uuid, "role": choice(roles), "subject": uuid, "accessToken": text(2048),
                "accessTokenExpiresAt": instant,
                "refreshToken": text(256), "refreshTokenExpiresAt": instant, "csrfToken": text(64), "mustAddSecondFactor": truth,
            ],
            required: ["session", "role", "subject", "accessTokenExpiresAt", "refreshTokenExpiresAt"]),
        "Session": object(
            [
                "id": uuid, "role": choice(roles), "device": text(128), "createdAt": instant, "continuedAt": instant,
                "expiresAt": instant, "current": truth,
            ], required: ["id", "role", "createdAt", "continuedAt", "expiresAt", "current"]),
        "SecondFactor": object(["secret": text(64), "address": text(1024)], required: ["secret", "address"]),
        "RecoveryCodes": object(["recoveryCodes": list(text(32))], required: ["recoveryCodes"]),
        "Done": object([:]),
        "AccessToken": object(
            ["access_token": text(2048), "token_type": choice(["Bearer"]), "expires_in": whole(1...86_400), "scope": text(1000)],
            required: ["access_token", "token_type", "expires_in", "scope"]),
        "Service": object(service, required: ["id", "name", "scopes", "createdAt"]),
        "ServiceGrant": object(
            ["id": uuid, "name": text(128), "scopes": list(scope, 1...64), "createdAt": instant, "secret": text(128)],
            required: ["id", "name", "scopes", "createdAt"]),
        "ServiceSecret": object(
            ["id": uuid, "secret": text(128), "oldSecretUntil": instant], required: ["id", "secret", "oldSecretUntil"]),
        "Invited": object(["account": uuid], required: ["account"]),
        "Account": object(["login": text(254), "email": mailAddress, "emailVerifiedAt": instant], required: ["login"]),
        "Ended": object(["id": uuid]),
        "EmergencyAccess": object(
            [
                "id": uuid, "by": text(64), "patient": uuid, "reason": text(500), "begunAt": instant, "endsAt": instant,
                "overdue": truth,
                "review": object(["by": text(64), "at": instant, "verdict": choice(verdicts), "note": text(500)]),
            ], required: ["id", "by", "patient", "reason", "begunAt", "endsAt", "overdue"]),
        "DeadLetter": object(
            [
                "id": uuid, "topic": text(64), "subject": uuid, "attempts": whole(0...1_000), "lastError": text(1_000),
                "createdAt": instant, "diedAt": instant, "payload": #"{"type":"object"}"#,
            ], required: ["id", "topic", "attempts", "createdAt", "diedAt"]),
        "Mended": object(["count": whole(0...Mended.most), "more": truth], required: ["count", "more"]),
        "Correction": object(
            [
                "id": uuid, "patient": uuid, "field": choice(recordFields), "says": text(254), "shouldSay": text(254),
                "statement": text(1_000), "state": choice(Correction.State.allCases.map(\.rawValue)), "askedBy": text(64),
                "askedAt": instant, "dueAt": instant, "overdue": truth, "extensionReason": text(500), "decidedAt": instant,
                "decidedBy": text(64), "basis": choice(bases), "reason": text(1_000), "disagreement": text(4_000),
                "disagreedAt": instant, "version": whole(1...Int(Int32.max)),
            ],
            required: ["id", "patient", "field", "statement", "state", "askedBy", "askedAt", "dueAt", "overdue", "version"]),
        "SyncState": object(
            [
                "system": text(64), "lastSuccessAt": instant, "lastFailureAt": instant, "failures": whole(0...Int(Int32.max)),
                "lastError": text(500), "waiting": whole(0...10_000), "oldestWaitingAt": instant,
                "failingSince": instant, "alertedAt": instant, "heardUntil": instant,
            ], required: ["system", "failures", "waiting"]),
        "Webhook": object(webhook, required: webhookNeeded),
        "WebhookGrant": object(
            webhook + [("secret", #"{"type":"string","pattern":"^whsec_[A-Za-z0-9+/]+=*$"}"#)],
            required: webhookNeeded + ["secret"]),
        "WebhookTest": object(["delivery": uuid], required: ["delivery"]),
        "WebhookDelivery": object(
            [
                "id": uuid, "event": uuid, "kind": text(64), "at": instant,
                "state": choice(WebhookDelivery.State.allCases.map(\.rawValue)), "attempts": whole(0...1_000), "lastAt": instant,
                "lastResult": text(500), "nextAt": instant,
            ], required: ["id", "event", "kind", "at", "state", "attempts"]),
        "Change": object(
            [
                "id": uuid, "kind": choice(AppointmentEvent.Kind.allCases.map(\.rawValue)),
                "resource": object(
                    ["type": choice(Change.Resource.allCases.map(\.rawValue)), "id": uuid], required: ["type", "id"]),
                "version": whole(1...Int(Int32.max)), "at": instant,
            ], required: ["id", "kind", "resource", "version", "at"]),
        "Legacy": object(
            [
                "phase": choice(Replacement.Phase.allCases.map(\.rawValue)), "share": whole(Replacement.shares),
                "next": list(choice(Replacement.Phase.allCases.map(\.rawValue)), 0...5), "changedAt": instant,
                "changedBy": text(128), "backfillSince": instant, "taken": whole(0...Int(Int32.max)),
                "waiting": whole(0...10_000), "notTaken": whole(0...100), "change": whole(0...Int(Int32.max)),
                "caughtUpAt": instant, "outstanding": whole(0...10_000), "mirroredAt": instant,
                "compared": whole(0...100_000), "mismatched": whole(0...100_000),
                "hindrances": list(choice(LegacyHindrance.allCases.map(\.rawValue)), 0...LegacyHindrance.allCases.count),
            ],
            required: [
                "phase", "share", "next", "taken", "waiting", "notTaken", "change", "outstanding", "compared", "mismatched",
                "hindrances",
            ]),
        "LegacyComparison": object(
            [
                "last": whole(1...100_000), "count": whole(0...100_000), "matched": whole(0...100_000),
                "mismatched": whole(0...100_000), "share": #"{"type":"number","minimum":0,"maximum":1}"#,
                "withinTolerance": truth, "kinds": #"{"type":"object","additionalProperties":{"type":"integer","minimum":1}}"#,
                "from": instant, "to": instant,
                "differences": list(
                    object(
                        [
                            "id": text(64), "requestId": text(128), "kind": text(64), "start": instant, "practitioner": uuid,
                            "decidedAt": instant,
                        ], required: ["id", "requestId", "kind", "start", "decidedAt"]), 0...100),
            ], required: ["last", "count", "matched", "mismatched", "withinTolerance", "kinds", "differences"]),
        "Task": object(
            [
                "id": uuid, "kind": choice(ClinicTask.Kind.allCases.map(\.rawValue)), "appointment": uuid, "patient": uuid,
                "details": #"{"type":"object"}"#, "at": instant, "state": choice(ClinicTask.State.allCases.map(\.rawValue)),
                "doneBy": text(64), "doneAt": instant, "version": whole(1...Int(Int32.max)),
            ], required: ["id", "kind", "details", "at", "state", "version"]),
        "Series": object(
            series,
            required: [
                "id", "visitType", "practitioner", "patients", "rule", "start", "zone", "exceptions", "createdBy", "createdAt",
                "version", "appointments",
            ]),
        // A series, or with `mode` `propose` what would come of one.
        "SeriesOrProposal": object(seriesOrProposal),
        "WaitlistEntry": object(
            waitlistEntry,
            required: ["id", "patient", "visitType", "urgency", "offers", "state", "since", "askedBy", "missedOffers", "version"]),
        "WaitlistOffer": object(
            [
                "id": uuid, "state": choice(WaitlistOffer.State.allCases.map(\.rawValue)), "entry": uuid, "patient": uuid,
                "appointment": uuid, "visitType": uuid, "practitioner": uuid, "location": uuid, "start": instant, "end": instant,
                "offeredAt": instant, "until": instant, "endedAt": instant, "chain": uuid, "explanation": #"{"type":"object"}"#,
            ], required: ["id", "state", "visitType", "practitioner", "location", "start", "end", "offeredAt"]),
        "Retention": object(
            [
                "patient": uuid, "state": choice(RecordStanding.State.allCases.map(\.rawValue)), "closedAt": instant,
                "closedBy": text(64), "reason": text(500), "erasedAt": instant, "lastVisitAt": instant, "keptUntil": instant,
                "eraseAfter": instant,
                "legalHold": object(
                    ["reason": text(500), "placedBy": text(64), "placedAt": instant],
                    required: ["reason", "placedBy", "placedAt"]),
            ], required: ["patient", "state"]),
        "Notice": object([
            "id": uuid, "recipient": uuid, "recipientRole": choice(roles),
            "kind": choice(Notice.Kind.allCases.map(\.rawValue)),
            "appointment": uuid,
            "at": instant,
            "details": #"{"type":"object"}"#,
        ]),
        "Preferences": object(
            [
                "patient": uuid, "channels": list(channel), "language": choice(languages), "quietFrom": shiftStart,
                "quietUntil": shiftStart, "zone": text(64),
                "consents": object(["email": consent, "sms": consent, "push": consent]),
                "version": #"{"type":"integer","minimum":0}"#,
            ], required: ["patient", "channels", "consents", "version"]),
        "Message": message,
        "StaffContact": object(
            [("practitioner", uuid)] + staffContact + [("version", #"{"type":"integer","minimum":0}"#)],
            required: ["practitioner", "tell", "withinHours", "version"]),
        "StaffMessage": staffMessage,
        "Delay": object(
            ["practitioner": uuid, "minutes": whole(5...480), "from": instant, "appointments": whole(0...500)],
            required: ["practitioner", "minutes", "from", "appointments"]),
        "MessageTemplate": object(
            [
                "kind": choice(messageKinds), "language": choice(languages), "subject": text(MessageTemplate.subjectMaximum),
                "body": text(MessageTemplate.bodyMaximum), "text": text(MessageTemplate.textMaximum), "changedBy": text(64),
                "changedAt": instant,
            ], required: ["kind", "language", "subject", "body", "text"]),
        "PatientDevice": object(
            [
                "id": uuid, "patient": uuid, "platform": choice(PatientDevice.Platform.allCases.map(\.rawValue)),
                "name": text(64),
                "language": choice(languages), "registeredAt": instant, "seenAt": instant,
            ], required: ["id", "patient", "platform", "registeredAt", "seenAt"]),
        "MessagePreview": object(
            [
                "subject": text(1_000), "text": text(20_000), "html": text(40_000), "sms": text(1_600),
                "notice": object(["title": text(200), "text": text(1_600), "link": text(2_000)], required: ["title", "text"]),
            ],
            required: ["subject", "text", "html", "sms", "notice"]),
    ]

    private static let channel = choice(Channel.allCases.map(\.rawValue))
    private static let languages = WrittenLanguage.allCases.map(\.rawValue)
    private static let messageKinds = MessageKind.allCases.map(\.rawValue)
    private static let answers = VisitAnswer.allCases.map(\.rawValue)
    private static let consent = object(
        ["given": truth, "by": text(128), "at": instant], required: ["given", "by", "at"])
    private static let staffContact: [(key: String, value: String)] = [
        ("phone", text(32)), ("email", mailAddress),
        (
            "tell",
            object(
                VisitChange.asked.map {
                    (key: $0.rawValue, value: list(choice(StaffWishes.channels.map(\.rawValue)), 0...StaffWishes.channels.count))
                }, closed: true)
        ),
        ("withinHours", whole(StaffWishes.withinRange)), ("language", choice(languages)), ("quietFrom", shiftStart),
        ("quietUntil", shiftStart), ("zone", text(64)),
    ]
    private static let staffMessage = object(
        [
            "id": uuid, "practitioner": uuid, "appointment": uuid, "kind": choice(messageKinds),
            "change": choice(VisitChange.allCases.map(\.rawValue)), "start": instant, "channel": channel, "to": text(64),
            "language": choice(languages), "state": choice(Message.State.allCases.map(\.rawValue)),
            "reason": choice(Message.Reason.allCases.map(\.rawValue)), "place": whole(1...3), "createdAt": instant,
            "dueAt": instant, "handedOverAt": instant, "endedAt": instant,
        ], required: ["id", "practitioner", "kind", "change", "state", "place", "createdAt", "dueAt"])
    private static let message = object(
        [
            "id": uuid, "patient": uuid, "appointment": uuid, "kind": choice(messageKinds), "start": instant, "channel": channel,
            "to": text(64), "language": choice(languages), "state": choice(Message.State.allCases.map(\.rawValue)),
            "reason": choice(Message.Reason.allCases.map(\.rawValue)), "place": whole(1...3), "createdAt": instant,
            "dueAt": instant, "handedOverAt": instant, "endedAt": instant, "answer": choice(answers),
            "answeredBy": choice(["link", "sms"]), "answeredAt": instant, "settledBy": text(64), "settledAt": instant,
        ], required: ["id", "patient", "kind", "state", "place", "createdAt", "dueAt"])

    /// An appointment as an import brings it; no route takes one.
    static let importedAppointment = object(
        [
            "id": uuid, "state": choice(["booked", "arrived", "checked-in", "fulfilled", "noshow", "entered-in-error"]),
            "visitType": uuid, "practitioner": uuid, "room": uuid, "device": uuid, "patients": list(uuid, 1...100),
            "start": instant,
        ], required: ["id", "visitType", "practitioner", "patients", "start"], closed: true)

    private static let place = object(
        [
            "id": uuid, "name": name, "location": uuid, "tags": list(text(64), 0...32), "lanes": whole(1...64),
            "lanesOffered": whole(1...64), "active": truth,
        ],
        required: ["name", "location"], closed: true)

    private static let requests: [String: String] = [
        "BookingRequest": object(
            [
                "id": uuid, "visitType": uuid, "practitioner": uuid, "start": instant, "patients": list(uuid, 1...100),
                "room": uuid, "device": uuid, "hold": truth, "overrideReason": text(500),
            ], required: ["visitType", "practitioner", "start", "patients"], closed: true),
        "MoveRequest": object(
            ["start": instant, "practitioner": uuid, "room": uuid, "device": uuid, "overrideReason": text(500)],
            required: ["start"], closed: true),
        "ConfirmationRequest": object(["unpaidReason": text(500)], closed: true),
        "CancellationRequest": object(["reason": choice(cancelReasons), "note": text(500)], closed: true),
        "SignInRequest": object(
            [
                "login": text(254), "password": text(128), "role": choice(roles), "code": text(32), "device": text(128),
                "as": choice(Carrier.allCases.map(\.rawValue)),
            ],
            required: ["login", "password"], closed: true),
        "EmergencyRequest": object(
            ["reason": text(500), "password": text(128), "code": text(32)], required: ["reason"], closed: true,
            also: #""oneOf":[{"required":["password"]},{"required":["code"]}]"#),
        "EmergencyReview": object(["verdict": choice(verdicts), "note": text(500)], required: ["verdict"], closed: true),
        "CorrectionRequest": object(
            ["field": choice(recordFields), "says": text(254), "shouldSay": text(254), "statement": text(1_000)],
            required: ["field", "statement"], closed: true, also: #""anyOf":[{"required":["says"]},{"required":["shouldSay"]}]"#),
        "CorrectionDenial": object(
            ["basis": choice(bases), "reason": text(1_000)], required: ["basis", "reason"], closed: true),
        "CorrectionExtension": object(["reason": text(500)], required: ["reason"], closed: true),
        "Disagreement": object(["disagreement": text(4_000)], required: ["disagreement"], closed: true),
        "ClosingRequest": object(["reason": text(500), "cancelAppointments": truth], required: ["reason"], closed: true),
        "Reason": object(["reason": text(500)], required: ["reason"], closed: true),
        "LegacyPhase": object(
            ["phase": choice(Replacement.Phase.allCases.map(\.rawValue)), "despite": text(500)], required: ["phase"],
            closed: true),
        "LegacyShare": object(["percent": whole(Replacement.shares)], required: ["percent"], closed: true),
        "DeadLetterFilter": object(deadLetters, closed: true, also: namingSome),
        "DeadLetterDiscarding": object(
            ["topic": text(64), "diedFrom": instant, "diedBefore": instant, "reason": text(500)], required: ["reason"],
            closed: true, also: namingSome),
        "SeriesRequest": object(
            [
                "visitType": uuid, "practitioner": uuid, "patients": list(uuid, 1...100), "start": instant, "rule": text(300),
                "exceptions": list(day, 0...366), "replacements": list(replacement, 0...53), "room": uuid, "device": uuid,
                "mode": choice(["book", "propose"]),
            ], required: ["visitType", "practitioner", "patients", "start", "rule"], closed: true),
        "SeriesCancellation": object(
            ["scope": choice(scopes), "appointment": uuid, "reason": choice(cancelReasons), "note": text(500)],
            required: ["scope"], closed: true),
        "SeriesMove": object(
            ["scope": choice(scopes), "appointment": uuid, "start": instant], required: ["scope", "start"], closed: true),
        "WaitlistConsent": object(["offers": truth], required: ["offers"], closed: true),
        "WaitlistRequest": object(waitlistRequest, required: ["patient", "visitType"], closed: true),
        "RoleChoice": object(["role": choice(roles)], required: ["role"], closed: true),
        "ContinuationRequest": object(["refreshToken": text(256)], required: [], closed: true),
        "PasswordChange": object(
            ["oldPassword": text(128), "newPassword": text(128)], required: ["oldPassword", "newPassword"], closed: true),
        "PasswordResetRequest": object(["email": mailAddress], required: ["email"], closed: true),
        "PreferencesRequest": object(
            [
                "channels": list(channel, 0...3), "language": choice(languages), "quietFrom": shiftStart,
                "quietUntil": shiftStart, "zone": text(64),
                "consents": object(["email": truth, "sms": truth, "push": truth], closed: true),
            ], required: ["channels"], closed: true),
        "RefundRecord": object(
            [
                "amount": whole(1...99_999_999), "way": refundWay, "givenAt": instant,
                "providerRefund": #"{"type":"string","minLength":1,"maxLength":255,"pattern":"^[!-~]+$"}"#, "instead": uuid,
                "reason": text(500),
            ], required: ["amount", "way", "givenAt", "reason"], closed: true),
        "StaffContactRequest": object(staffContact, closed: true),
        "DeviceRegistration": object(
            [
                "platform": choice(PatientDevice.Platform.allCases.map(\.rawValue)), "token": text(PatientDevice.tokenMaximum),
                "name": text(64), "language": choice(languages),
            ], required: ["platform", "token"], closed: true),
        "DelayRequest": object(["minutes": whole(5...480), "from": instant], required: ["minutes"], closed: true),
        "MessageTemplateRequest": templateRequest,
        "MessagePreviewRequest": object(
            ["kind": choice(messageKinds), "language": choice(languages), "override": templateRequest],
            required: ["kind", "language"], closed: true),
        "VisitAnswer": object(["code": text(128), "answer": choice(answers)], required: ["code", "answer"], closed: true),
        "Nothing": object([:], closed: true),
        "NewWebhook": object([("id", uuid)] + webhookRequest, required: ["url", "events"], closed: true),
        "WebhookRequest": object(webhookRequest, required: ["url", "events"], closed: true),
        "TokenRequest": object(
            [
                "grant_type": text(64), "scope": text(1000), "client_id": text(64), "client_secret": text(128),
                "client_assertion_type": text(128), "client_assertion": text(4096),
            ],
            required: ["grant_type"], closed: true),
        "ServiceRequest": object(
            ["id": uuid, "name": text(128), "scopes": list(scope, 1...64), "jwks": keySet], required: ["name", "scopes"],
            closed: true),
        "RotationRequest": object(["overlapMinutes": whole(ServiceRoutes.overlapMinutes)], closed: true),
        "LetterCode": object(["code": text(128)], required: ["code"], closed: true),
        "InvitationRequest": object(
            [
                "email": mailAddress, "role": choice(InvitedRole.allCases.map(\.rawValue)), "subject": uuid,
                "language": choice(WrittenLanguage.allCases.map(\.rawValue)),
            ], required: ["email", "role"], closed: true),
        "EmailChangeRequest": object(
            ["email": mailAddress, "password": text(128), "code": text(32)], required: ["email", "password"], closed: true),
        "NewPassword": object(["code": text(128), "newPassword": text(128)], required: ["code", "newPassword"], closed: true),
        "PasswordProof": object(["password": text(128)], required: ["password"], closed: true),
        "CodeProof": object(["code": text(32)], required: ["code"], closed: true),
        "FullProof": object(["password": text(128), "code": text(32)], required: ["password", "code"], closed: true),
        "ErrorMarkRequest": object(["note": text(500)], required: ["note"], closed: true),
    ]

    private static let templateRequest = object(
        [
            "subject": text(MessageTemplate.subjectMaximum), "body": text(MessageTemplate.bodyMaximum),
            "text": text(MessageTemplate.textMaximum),
        ], closed: true)

    private static let lists: [String: String] = {
        var lists: [String: String] = [:]
        for record in ["Location", "Practitioner", "Room", "Device", "VisitType", "Appointment", "FreeTime", "Invoice"] {
            lists["\(record)Page"] = object(["items": list(reference(record)), "next": text(64)], required: ["items"])
        }
        lists["PatientPage"] = object(["items": list(reference("Patient")), "next": text(64)], required: ["items"])
        lists["PatientExport"] = object(
            [
                "exportedAt": instant, "patient": reference("Patient"), "logins": list(text(254)),
                "appointments": list(reference("Appointment")), "notices": list(reference("Notice")),
                "messages": list(reference("Message")), "preferences": reference("Preferences"),
                "devices": list(reference("PatientDevice")),
                "corrections": list(reference("Correction")), "invoices": list(reference("Invoice")),
                "waitlist": list(reference("WaitlistEntry")), "offers": list(reference("WaitlistOffer")),
                "audit": list(reference("AuditEntry")),
            ],
            required: [
                "exportedAt", "patient", "logins", "appointments", "notices", "messages", "preferences", "devices",
                "corrections",
                "invoices",
                "waitlist", "offers", "audit",
            ])
        lists["MessagePage"] = object(["items": list(reference("Message")), "next": text(64)], required: ["items"])
        lists["StaffMessagePage"] = object(["items": list(reference("StaffMessage")), "next": text(64)], required: ["items"])
        lists["PatientDeviceList"] = object(["items": list(reference("PatientDevice"))], required: ["items"])
        lists["MessageTemplateList"] = object(["items": list(reference("MessageTemplate"))], required: ["items"])
        lists["CorrectionPage"] = object(["items": list(reference("Correction")), "next": text(64)], required: ["items"])
        lists["DeadLetterPage"] = object(["items": list(reference("DeadLetter")), "next": text(64)], required: ["items"])
        lists["WebhookList"] = object(["items": list(reference("Webhook"))], required: ["items"])
        lists["WebhookDeliveryPage"] = object(
            ["items": list(reference("WebhookDelivery")), "next": text(64)], required: ["items"])
        lists["ChangeFeed"] = object(
            ["items": list(reference("Change")), "next": text(64), "more": truth], required: ["items", "more"])
        lists["SyncList"] = object(["items": list(reference("SyncState"))], required: ["items"])
        lists["TaskPage"] = object(["items": list(reference("Task")), "next": text(64)], required: ["items"])
        for record in ["WaitlistEntry", "WaitlistOffer"] {
            lists["\(record)Page"] = object(["items": list(reference(record)), "next": text(64)], required: ["items"])
        }
        lists["AuditPage"] = object(["items": list(reference("AuditEntry")), "next": text(64)], required: ["items"])
        lists["EmergencyAccessPage"] = object(
            ["items": list(reference("EmergencyAccess")), "next": text(64)], required: ["items"])
        lists["NoticePage"] = object(["items": list(reference("Notice")), "next": text(64)], required: ["items"])
        for record in ["WorkingHours", "ScheduleException", "Holiday", "Session", "Service"] {
            lists["\(record)List"] = object(["items": list(reference(record))], required: ["items"])
        }
        lists["SpecialtyList"] = object(["items": list(text(64))], required: ["items"])
        lists["ProblemTypeList"] = object(["items": list(reference("ProblemType"))], required: ["items"])
        return lists
    }()

    private static let house: [String: String] = [
        "Problem": object(
            [
                "type": #"{"type":"string","format":"uri"}"#, "title": text(200), "status": whole(400...599),
                "detail": text(1000), "retry": choice(["never", "same-key", "after"]), "refusal": text(64), "error": text(64),
                "errors": list(object(["pointer": text(500), "detail": text(500)], required: ["pointer", "detail"])),
            ], required: ["type", "title", "status", "retry"]),
        "ProblemType": object([
            "name": text(64), "status": whole(400...599), "title": text(200), "explanation": text(1000),
            "retry": choice(["never", "same-key", "after"]),
        ]),
        "Health": object(["status": text(16), "version": text(64), "parts": #"{"type":"object"}"#], required: ["status"]),
        "Explanation": object(
            [
                "available": truth,
                "reasons": list(object(["refusal": text(64), "detail": text(200), "canBeOverridden": truth])),
            ], required: ["available", "reasons"]),
    ]
}
