import Notation
import People
import Scheduling
import Workflows

/// Waiting for a visit, and what is offered when a time becomes free (MC-9).
struct WaitlistRoutes {
    var routes: [Route] { [join, list, leave, renew, consent, offers, accept, decline] }

    private var join: Route {
        Route(
            .post, "/v1/waitlist", "joinWaitlist", "Wait for a visit, and say which times would do", takes: "WaitlistRequest",
            gives: "WaitlistEntry", status: 201, problems: [.unknownReference, .unsuitable, .alreadyWaiting, .recordClosed]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let request = WaitlistRequest(fields)
            try fields.check()
            return Answer(
                try await clinic.joinWaitlist(request, call: exchange.call, wording: exchange.wording { $0.stored(status: 201) }))
        }
    }

    private var list: Route {
        Route(
            .get, "/v1/waitlist", "listWaitlist", "Who waits, and who waited, in the order they asked; a patient's own",
            query: [Self.patient] + pageParameters, gives: "WaitlistEntryPage"
        ) { exchange, clinic in
            let (patient, page) = try exchange.ofPatient()
            return try await clinic.waitlist(of: patient, page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }

    private var leave: Route {
        Route(
            .delete, "/v1/waitlist/{id}", "leaveWaitlist", "Wait no more; what is just being offered goes to the next",
            gives: "WaitlistEntry", problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.leaveWaitlist(
                    try exchange.place(), call: exchange.call, wording: exchange.wording { $0.stored(status: 200) }))
        }
    }

    private var renew: Route {
        Route(
            .post, "/v1/waitlist/{id}/renewal", "renewWaiting", "Wait still: offers that passed count no more",
            gives: "WaitlistEntry", problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(
                try await clinic.renewWaiting(
                    try exchange.place(), call: exchange.call, wording: exchange.wording { $0.stored(status: 200) }))
        }
    }

    private var consent: Route {
        Route(
            .put, "/v1/waitlist/{id}/consent", "changeWaitlistConsent",
            "Say anew whether to be asked when something becomes free; the place is kept, and what is just being offered goes to the next",
            takes: "WaitlistConsent", gives: "WaitlistEntry",
            problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let wants = fields.bool("offers")
            try fields.check()
            return Answer(
                try await clinic.changeConsent(
                    try exchange.place(), wantsOffers: wants, call: exchange.call,
                    wording: exchange.wording { $0.stored(status: 200) }))
        }
    }

    private var offers: Route {
        Route(
            .get, "/v1/waitlist-offers", "listOffers", "What was offered to whom, and for staff why",
            query: [Self.patient] + pageParameters, gives: "WaitlistOfferPage"
        ) { exchange, clinic in
            let (patient, page) = try exchange.ofPatient()
            let isExplained = exchange.caller.may(.keepWaitlist)
            return try await clinic.offers(of: patient, page: page, for: exchange.call).answer {
                $1.write(to: &$0, isExplained: isExplained)
            }
        }
    }

    private var accept: Route {
        Route(
            .post, "/v1/waitlist-offers/{id}/acceptance", "acceptOffer", "Take what is offered: the hold becomes a booking",
            takes: "ConfirmationRequest", gives: "Appointment",
            problems: [
                .notFound, .transitionNotAllowed, .changedMeanwhile, .holdExpired, .paymentNeeded, .overrideNeedsReason,
                .bookedElsewhere,
            ]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let reason = fields.optionalText("unpaidReason", max: 500).map { Personal($0) }
            if reason != nil, !exchange.caller.isStaff { fields.reject("unpaidReason", "is for the clinic's staff to give") }
            try fields.check()
            return Answer(
                try await clinic.acceptOffer(
                    try exchange.id(), unpaidReason: reason, call: exchange.call, wording: exchange.holdWording))
        }
    }

    private var decline: Route {
        Route(
            .post, "/v1/waitlist-offers/{id}/refusal", "declineOffer", "Let an offer pass; it goes to the next",
            gives: "Appointment", problems: [.notFound, .transitionNotAllowed, .changedMeanwhile]
        ) { exchange, clinic in
            try exchange.fields().check()
            return Answer(try await clinic.declineOffer(try exchange.id(), call: exchange.call, wording: exchange.holdWording))
        }
    }

    private static let patient = QueryParameter(
        "patient", "uuid", "Only this patient's; for a patient the default is their own")
}

extension Exchange {
    fileprivate func place() throws -> WaitlistTarget {
        WaitlistTarget(id: try id(), expectedVersion: try expectedVersion())
    }

    fileprivate func ofPatient() throws -> (ID<Patient>?, PageRequest) {
        let fields = queryFields()
        let named = fields.optionalID("patient", Patient.self)
        let page = fields.page()
        try fields.check()
        return (named ?? (caller.role == .patient ? caller.subject.of() : nil), page)
    }

    fileprivate var holdWording: Wording<Appointment> {
        let caller = caller
        return wording { hold in
            var json = JSONWriter()
            hold.write(to: &json, for: caller)
            return StoredAnswer(status: 200, etag: hold.etag, body: json.bytes)
        }
    }
}

extension WaitlistPlace {
    fileprivate func stored(status: Int) -> StoredAnswer {
        var json = JSONWriter()
        write(to: &json)
        return StoredAnswer(status: status, etag: etag, body: json.bytes)
    }
}
