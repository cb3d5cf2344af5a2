import API
import Notation
import Scheduling
import Storage
import Testing
import Workflows

/// The closed catalogue of problems (RFC 9457). Besides these tests, `Visitor` holds every problem that any test of this
/// target is answered against it.
@Suite struct TheCatalogue {
    @Test(arguments: ProblemType.allCases) func `explains every problem at its own address`(type: ProblemType) async throws {
        try await inHouse { visitor in
            let heard = try await visitor.get("/problems/\(type.rawValue)", by: nil)
            #expect(heard.status == 200)
            #expect(heard["name"]?.string == type.rawValue && heard["status"]?.integer == Int64(type.status))
            #expect(heard["title"]?.string == type.title && heard["explanation"]?.string == type.explanation)
            #expect(heard["retry"]?.string == type.retry.rawValue)
            #expect((400...599).contains(type.status) && type.title.count > 5 && type.explanation.count > 20)
        }
    }

    @Test func `lists every problem, and knows no other`() async throws {
        try await inHouse { visitor in
            let heard = try await visitor.get("/problems", by: nil)
            #expect(heard.items.compactMap { $0["name"]?.string } == ProblemType.allCases.map(\.rawValue))
            #expect(try await visitor.get("/problems/made-up", by: nil).problem == "not-found")
        }
    }

    @Test func `names are words with hyphens, titles differ`() {
        for type in ProblemType.allCases { #expect(type.rawValue.wholeMatch(of: #/[a-z]+(-[a-z]+)*/#) != nil) }
        #expect(Set(ProblemType.allCases.map(\.title)).count == ProblemType.allCases.count)
    }

    @Test func `says when to come back wherever coming back helps, and nowhere else`() async throws {
        for type in ProblemType.allCases { #expect((type.retry == .never) == (type.retryAfter == nil), "\(type)") }
    }

    @Test func `has a problem for every refusal`() {
        for refusal in Refusal.allCases {
            let problem = Problem(refusal, forStaff: true)
            #expect(problem.refusal == refusal && problem.detail?.isEmpty == false, "\(refusal)")
            #expect(problem.type.status < 500 && ![.badRequest, .invalidFields].contains(problem.type), "\(refusal)")
        }
    }

    @Test func `tells a patient that a time cannot be had, and never why`() {
        for refusal in Refusal.allCases where refusal.isAboutTheCalendar {
            let problem = Problem(refusal, forStaff: false)
            #expect(problem.type == .timeUnavailable && problem.refusal == nil && problem.detail == nil, "\(refusal)")
        }
    }

    /// What a fault below amounts to, and that its inside stays there.
    static let faults: [(StorageFault, ProblemType)] = [
        (.constraint("ZZSECRET"), .internalFault), (.inUse("ZZSECRET"), .unavailable), (.full, .unavailable),
        (.inputOutput("ZZSECRET"), .unavailable), (.corrupt("ZZSECRET"), .unavailable),
        (.newerSchema(found: 2, known: 1), .internalFault), (.olderSchema(found: 1, known: 2), .internalFault),
        (.cannotOpen("ZZSECRET"), .unavailable), (.outcomeUnknown, .outcomeUnknown), (.closed, .unavailable),
        (.overloaded, .overloaded), (.timedOut, .unavailable), (.statement("ZZSECRET"), .internalFault),
        (.moving, .moving),
    ]

    @Test(arguments: faults) func `turns every fault of the storage into a problem that says nothing of its inside`(
        fault: StorageFault, type: ProblemType
    ) async throws {
        try await inHouse { visitor in
            visitor.house.database.haunt(.all(fault))
            var answers = [try await visitor.send(.post("/v1/appointments", Known.booking(at: visitor.house.newStart())))]
            // Of a read everybody can say whether it happened.
            if fault != .outcomeUnknown { answers.append(try await visitor.get("/v1/appointments")) }
            for heard in answers {
                #expect(heard.problem == type.rawValue && !heard.text.contains("ZZSECRET"), "\(heard.text)")
                #expect(heard[header: "Retry-After"] == type.retryAfter.map(String.init))
            }
        }
    }

    @Test func `calls a fault nobody foresaw an internal one`() async throws {
        struct Unforeseen: Error, CustomStringConvertible { var description: String { "ZZSECRET" } }
        try await inHouse { visitor in
            visitor.house.database.haunt(.all(Unforeseen()))
            let heard = try await visitor.get("/v1/appointments")
            #expect(heard.problem == "internal-fault" && !heard.text.contains("ZZSECRET"))
        }
    }
}

extension ProblemType {
    /// What `Retry-After` says, as a client sees it.
    var retryAfter: Int? {
        switch self {
        case .requestInProgress, .outcomeUnknown, .overloaded, .moving, .tooManyTries, .rateLimited: 1
        case .providerUnavailable: 30
        case .unavailable: 5
        case .holdsSuspended: 900
        default: nil
        }
    }
}
