import Notation
import People
import Workflows

/// Notices, as long as no channel carries them out of the house.
struct MailboxRoutes {
    var routes: [Route] {
        [
            Route(
                .get, "/v1/mailbox", "readMailbox", "The caller's notices; the desk sees everybody's",
                query: [QueryParameter("recipient", "uuid", "Whose; the default is the caller's own, for the desk everybody's")]
                    + pageParameters, gives: "NoticePage"
            ) { exchange, clinic in
                let fields = exchange.queryFields()
                let named = fields.optionalID("recipient", Caller.self)
                let page = fields.page()
                try fields.check()
                let seesAll = exchange.caller.may(.readWholeMailbox)
                let owner = named ?? (seesAll ? nil : exchange.caller.subject)
                return try await clinic.mailbox(of: owner, page: page, for: exchange.call).answer { $1.write(to: &$0) }
            }
        ]
    }
}
