import Identity
import Letters
import Notation
import People
import Scheduling
import Workflows

/// Asking somebody in, and coming in.
struct InvitationRoutes {
    var routes: [Route] { [accept, invite] }

    private var invite: Route {
        .forPremises(
            .post, "/v1/accounts/invitations", "invite", "Invite somebody, with a letter in which they choose a password",
            takes: "InvitationRequest", gives: "Invited", status: 201,
            problems: [.notPermitted, .unknownReference, .identifierAlreadyUsed]
        ) { exchange, premises in
            let fields = exchange.fields()
            let invitation = Invitation(
                email: fields.mailAddress("email"), role: fields.choice("role", InvitedRole.self).role,
                subject: fields.optionalID("subject"), language: fields.optionalChoice("language", WrittenLanguage.self))
            if invitation.role.isUnknownToTheDirectory, fields.has("subject") {
                fields.reject("subject", "is only for a patient and a practitioner: who they are in the clinic")
            } else if !invitation.role.isUnknownToTheDirectory, !fields.has("subject") {
                fields.reject("subject", "is missing: who they are in the clinic")
            }
            try fields.check()
            return Answer(
                try await premises.accounts.invite(
                    invitation, call: exchange.call,
                    wording: exchange.wording { account in
                        var json = JSONWriter(reserving: 64)
                        json.object { $0.member("account", account) }
                        return StoredAnswer(status: 201, body: json.bytes)
                    }))
        }
    }

    private var accept: Route {
        .door(
            .post, "/v1/accounts/invitations/acceptance", "acceptInvitation",
            "Choose the first password with the code of an invitation",
            takes: "NewPassword", gives: "Done", status: 200, problems: [.linkOver, .identifierAlreadyUsed]
        ) { exchange, premises in
            let (code, password) = try exchange.newPassword()
            try await premises.accounts.acceptInvitation(code: code, password: password, request: exchange.call.origin)
            return .done()
        }
    }
}

/// As what somebody can be asked in: a person.
enum InvitedRole: String, CaseIterable {
    case patient, practitioner, desk, admin, billing, privacy

    var role: Role { Role(rawValue: rawValue)! }
}
