import Identity
import Letters
import Notation
import Workflows

/// What somebody sees who follows the link in a letter: a page with a form, and what came of it. Reading a page needs no clinic and does
/// nothing; sending its form is counted as signing in is, because that is where codes would be guessed.
struct PageRoutes {
    var routes: [Route] { LetterKind.allCases.filter { $0.path != nil }.flatMap { [show($0), take($0)] } }

    private static let language = QueryParameter("language", "string", "What the page is written in: `en`, `de`")

    private func show(_ kind: LetterKind) -> Route {
        .page(
            .get, kind.path ?? "", "show\(kind.pageName)Page",
            "The page behind the link in a letter: a form, nothing is done yet",
            query: [Self.language], shows: .letter(kind)
        ) { exchange in
            .page(LetterPage(kind: kind, language: exchange.pageLanguage).form())
        }
    }

    private func take(_ kind: LetterKind) -> Route {
        .pageForm(
            kind.path ?? "", "take\(kind.pageName)Page", "The form of that page, as a browser sends it", query: [Self.language],
            shows: .letter(kind), form: ["code"] + (kind.bringsPassword ? ["newPassword"] : []),
            problems: [.linkOver, .identifierAlreadyUsed, .transitionNotAllowed, .crossSite]
        ) { exchange, premises in
            let page = LetterPage(kind: kind, language: exchange.pageLanguage)
            // Pasted from a letter, with what stands around it.
            let code = (exchange.body["code"]?.string ?? "").filter { !$0.isWhitespace }
            let password = exchange.body["newPassword"]?.string ?? ""
            func again(_ trouble: PageTrouble, status: Int) -> Answer {
                .page(page.form(code: String(code.prefix(128)), trouble: trouble), status: status)
            }
            try exchange.origin.requireNotAnotherSite()
            do {
                try await premises.accounts.use(kind, code: code, password: Password(password), request: exchange.call.origin)
            } catch AccountFault.linkOver {
                return again(.over(try await premises.accounts.end(of: kind, code: code)), status: ProblemType.linkOver.status)
            } catch AccountFault.passwordUnsuitable(let flaw) {
                return again(.password(flaw), status: ProblemType.invalidFields.status)
            } catch let fault as AccountFault {
                let problem = Problem(fault, forStaff: false)
                return again(PageTrouble(problem), status: problem.type.status)
            }
            return .page(page.done)
        }
    }
}

extension LetterKind {
    fileprivate var pageName: String {
        switch self {
        case .invitation: "Invitation"
        case .verification: "Verification"
        case .passwordReset: "PasswordReset"
        case .passwordChanged: "PasswordChanged"
        case .emailChange: "EmailChange"
        case .emailChanged: "EmailUndoing"
        }
    }
}

extension Accounts {
    /// Does what a letter asks for.
    fileprivate func use(_ kind: LetterKind, code: String, password: Password, request: RequestOrigin) async throws {
        switch kind {
        case .invitation: try await acceptInvitation(code: code, password: password, request: request)
        case .passwordReset: try await resetPassword(code: code, to: password, request: request)
        case .verification: try await verifyEmail(code: code, request: request)
        case .emailChange: try await changeEmail(code: code, request: request)
        case .emailChanged: try await undoEmailChange(code: code, request: request)
        case .passwordChanged: throw AccountFault.linkOver
        }
    }
}

extension Answer {
    /// For a person, not a program.
    static func page(_ text: String, status: Int = 200) -> Answer {
        var answer = Answer(status: status, contentType: "text/html; charset=utf-8", body: Array(text.utf8))
        answer.policy = LetterPage.policy
        return answer
    }

    /// A problem, where somebody looks at a page.
    static func page(_ kind: LetterKind, _ problem: Problem, language: String?, accepting header: String?, base: String) -> Answer
    {
        let plain = problem.answer(base: base)
        let page = LetterPage(kind: kind, language: .chosen(language, accepting: header))
        var answer = Answer.page(page.form(trouble: PageTrouble(problem)), status: plain.status)
        answer.retryAfterSeconds = plain.retryAfterSeconds
        return answer
    }
}
