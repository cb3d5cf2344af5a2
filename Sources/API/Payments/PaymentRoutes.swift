import Notation
import People
import Scheduling
import Workflows

/// What visits cost: asking for a payment, seeing how far it is, and the invoices.
struct PaymentRoutes {
    var routes: [Route] { [ask, read, record, readInvoice, listInvoices] }

    private var ask: Route {
        .forPremises(
            .post, "/v1/appointments/{id}/payment", "askPayment", "Ask for a payment of an appointment's price",
            gives: "Payment", status: 201, problems: [.notFound, .nothingToPay, .holdExpired, .transitionNotAllowed]
        ) { exchange, premises in
            try exchange.fields().check()
            guard premises.incoming.payments != nil else {
                throw Problem(.notFound, detail: "No payment provider is set up here.")
            }
            let caller = exchange.caller
            let target = AppointmentTarget(id: try exchange.id(), expectedVersion: try exchange.expectedVersion())
            return Answer(
                try await premises.clinic.askPayment(
                    of: target, call: exchange.call, wording: exchange.wording { $0.stored(status: 201, for: caller) }))
        }
    }

    private var read: Route {
        Route(
            .get, "/v1/appointments/{id}/payment", "readPayment",
            "How far the payment of an appointment is, and to who pays what their browser pays with", gives: "Payment",
            problems: [.notFound]
        ) { exchange, clinic in
            let standing = try await clinic.payment(of: try exchange.id(), for: exchange.call)
            var answer = Answer(standing.stored(status: 200, for: exchange.caller))
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var record: Route {
        Route(
            .post, "/v1/appointments/{id}/payment/refunds", "recordRefund",
            "Write down that money was given back by hand: it is credited, and never more than was paid", takes: "RefundRecord",
            gives: "RecordedRefund", status: 201,
            problems: [.notFound, .refundTooLarge, .identifierAlreadyUsed, .transitionNotAllowed]
        ) { exchange, clinic in
            let fields = exchange.fields()
            let record = RefundRecord(fields, now: clinic.surroundings.clock.now)
            try fields.check()
            return Answer(
                try await clinic.recordRefund(
                    of: try exchange.id(), record, call: exchange.call,
                    wording: exchange.wording { recorded in
                        var json = JSONWriter()
                        recorded.write(to: &json)
                        return StoredAnswer(status: 201, body: json.bytes)
                    }))
        }
    }

    private var readInvoice: Route {
        Route(
            .get, "/v1/invoices/{id}", "readInvoice", "One invoice or credit note", gives: "Invoice", problems: [.notFound]
        ) { exchange, clinic in
            let invoice = try await clinic.invoice(try exchange.id(), for: exchange.call)
            var answer = Answer.json { invoice.write(to: &$0) }
            answer.cacheControl = "private, no-store"
            return answer
        }
    }

    private var listInvoices: Route {
        Route(
            .get, "/v1/invoices", "listInvoices", "Invoices and credit notes, by their numbers",
            query: [QueryParameter("patient", "uuid", "Only this patient's")] + pageParameters, gives: "InvoicePage"
        ) { exchange, clinic in
            let fields = exchange.queryFields()
            let patient = fields.optionalID("patient", Patient.self)
            let page = fields.page()
            try fields.check()
            return try await clinic.invoices(of: patient, page: page, for: exchange.call).answer { $1.write(to: &$0) }
        }
    }
}

extension PaymentStanding {
    fileprivate func stored(status: Int, for caller: Caller) -> StoredAnswer {
        var json = JSONWriter()
        write(to: &json, for: caller)
        return StoredAnswer(
            status: status, etag: "\"v\(payment.version)\"",
            location: status == 201 ? "/v1/appointments/\(payment.appointment)/payment" : nil, body: json.bytes)
    }
}
