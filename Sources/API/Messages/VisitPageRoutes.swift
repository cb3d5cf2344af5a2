import Letters
import Notation
import Workflows

/// What somebody sees who follows a link in a message: a page that asks, and what came of it. Reading one needs no clinic and changes
/// nothing; sending its form is counted as signing in is, because that is where codes would be guessed.
struct VisitPageRoutes {
    var routes: [Route] { [showAnswer, takeAnswer, showEnd, takeEnd] }

    private static let language = QueryParameter("language", "string", "What the page is written in: `en`, `de`, `fr`")

    private var showAnswer: Route {
        .page(
            .get, MessagePage.answer, "showAnswerPage",
            "The page behind the links in a reminder, or in an offer: it asks, nothing is done yet",
            query: [
                Self.language, Self.about,
                QueryParameter("answer", "string", "Which one it asks about: `confirm`, `cancel`, `call`"),
            ], shows: .answer
        ) { exchange in
            let choice = exchange.query["answer"]?.string.flatMap(VisitAnswer.init(rawValue:))
            return .page(exchange.answerPage.form(choice: choice))
        }
    }

    private static let about = QueryParameter("about", "string", "`offer` where a time is offered; else it is about a visit")

    private var takeAnswer: Route {
        .pageForm(
            MessagePage.answer, "takeAnswerPage", "The form of that page, as a browser sends it",
            query: [Self.language, Self.about], shows: .answer, form: ["code", "answer"],
            problems: [.linkOver, .cancellationTooLate, .paymentNeeded, .crossSite]
        ) { exchange, premises in
            let page = exchange.answerPage
            let words = VisitWords(exchange.pageLanguage, isOffer: page.isOffer)
            let code = (exchange.body["code"]?.string ?? "").filter { !$0.isWhitespace }
            try exchange.origin.requireNotAnotherSite()
            guard let answer = exchange.body["answer"]?.string.flatMap(VisitAnswer.init(rawValue:)) else {
                return .page(
                    page.form(code: String(code.prefix(128)), trouble: words.choose), status: ProblemType.invalidFields.status)
            }
            let outcome = try await premises.accounts.messages.answer(code: code, answer, request: exchange.call.origin)
            switch outcome {
            case .taken, .saidBefore: return .page(page.done(answer))
            case .over: return .page(page.failure(words.over), status: ProblemType.linkOver.status)
            case .tooLate, .shared:
                return .page(page.failure(words.trouble(outcome)), status: ProblemType.cancellationTooLate.status)
            case .mustBePaid:
                return .page(page.failure(words.trouble(outcome)), status: ProblemType.paymentNeeded.status)
            case .unknown:
                return .page(
                    page.form(choice: answer, code: String(code.prefix(128)), trouble: words.unknown),
                    status: ProblemType.linkOver.status)
            }
        }
    }

    private var showEnd: Route {
        .page(
            .get, MessagePage.unsubscribe, "showUnsubscribePage", "The page behind a mail's link to end such mails: it asks",
            query: [Self.language, Self.code], shows: .unsubscribe
        ) { exchange in
            let code = (exchange.query["code"]?.string ?? "").prefix(128)
            return .page(VisitPage(kind: .unsubscribe, language: exchange.pageLanguage).form(code: String(code)))
        }
    }

    private static let code = QueryParameter("code", "string", "What the mail brought")

    /// A mail program asks the same (RFC 8058 §3.1): everything is in the address, and what the body says is always the same.
    private var takeEnd: Route {
        .pageForm(
            MessagePage.unsubscribe, "takeUnsubscribePage",
            "To get no more of them: the page's form, or a mail program's one press",
            query: [Self.language, Self.code], shows: .unsubscribe, form: [], problems: [.linkOver, .crossSite]
        ) { exchange, premises in
            let page = VisitPage(kind: .unsubscribe, language: exchange.pageLanguage)
            try exchange.origin.requireNotAnotherSite()
            let isDone = try await premises.accounts.messages.unsubscribe(
                code: exchange.query["code"]?.string ?? "", request: exchange.call.origin)
            guard isDone else {
                return .page(
                    page.form(trouble: VisitWords(exchange.pageLanguage).unknown), status: ProblemType.linkOver.status)
            }
            return .page(page.ended)
        }
    }
}

extension Exchange {
    fileprivate var answerPage: VisitPage {
        VisitPage(kind: .answer, language: pageLanguage, isOffer: query["about"]?.string == MessagePage.offer)
    }
}

extension Answer {
    /// A problem, where somebody looks at one of these pages.
    static func page(
        visit kind: PageKind, _ problem: Problem, language: String?, accepting header: String?, base: String
    ) -> Answer {
        let plain = problem.answer(base: base)
        let language = WrittenLanguage.chosen(language, accepting: header)
        let words = VisitWords(language)
        let isTooOften = problem.type == .rateLimited || problem.type == .tooManyTries
        let page = VisitPage(kind: kind, language: language)
        var answer = Answer.page(page.failure(isTooOften ? words.tooOften : words.notNow), status: plain.status)
        answer.retryAfterSeconds = plain.retryAfterSeconds
        return answer
    }
}
