import Foundation
import LoopbackClient
import Notation
import Testing
import Workflows

/// One serving process, as clients of its clinics reach it.
struct Node: Sendable {
    let network: Network
    let server: RunningServer

    /// Sends a request to a clinic by its host, with a token of its desk unless another is given.
    func send(
        _ method: String, _ path: String, to clinic: String, token: String? = nil, key: String? = nil, body: String = ""
    ) async throws -> Loopback.Reply {
        let own: String
        if let token { own = token } else { own = try await network.token(clinic) }
        return try await network.http.send(
            method, server.base + path, token: own, key: key, headers: ["Host": "\(clinic).example.org"], body: Array(body.utf8))
    }

    /// Sends a request with just these headers.
    func send(_ path: String, token: String? = nil, headers: [String: String]) async throws -> Loopback.Reply {
        try await network.http.send("GET", server.base + path, token: token, headers: headers)
    }

    func asks(_ clinic: String) async throws -> Int { try await send("GET", "/v1/rooms", to: clinic).status }

    /// Books the first free time it is offered, for one of the demo clinic's eight patients.
    func book(at clinic: String, id: String, key: String, patient: Int = 1) async throws -> Loopback.Reply {
        let times = try await freeTimes(of: clinic, limit: 1)
        let time = try #require(times.first)
        return try await send("POST", "/v1/appointments", to: clinic, key: key, body: time.booking(id, patient: patient))
    }

    func freeTimes(of clinic: String, limit: Int) async throws -> [FreeTime] {
        let reply = try await send("GET", "/v1/free-times?visitType=\(DemoClinic.visitType)&limit=\(limit)", to: clinic)
        try #require(reply.status == 200, "\(reply.text)")
        return try JSON(parsing: reply.body)["items"]?.array?.compactMap(FreeTime.init) ?? []
    }

    func metric(_ name: String) async throws -> Int {
        let text = try await network.http.send("GET", server.base + "/metrics").text
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("\(name) ") })
        return Int(Double(line.split(separator: " ")[1]) ?? -1)
    }

    func stop() async -> Int32 { await server.stop() }
}

struct FreeTime: Sendable {
    let start: String
    let practitioner: String

    init?(_ json: JSON) {
        guard let start = json["start"]?.string, let practitioner = json["practitioner"]?.string else { return nil }
        (self.start, self.practitioner) = (start, practitioner)
    }

    func booking(_ id: String, patient: Int = 1) -> String {
        let patient = DemoClinic.patient.dropLast() + "\(patient)"
        return
            #"{"id":"\#(id)","visitType":"\#(DemoClinic.visitType)","start":"\#(start)","practitioner":"\#(practitioner)","patients":["\#(patient)"]}"#
    }
}

extension Loopback.Reply {
    /// The problem's name; nil for an answer that is none.
    var problem: String? { (try? JSON(parsing: body))?["type"]?.string?.split(separator: "/").last.map(String.init) }
    subscript(name: String) -> String? { (try? JSON(parsing: body))?[name]?.string }
}

private let identifiers = Surroundings.machine().identifiers

/// Identifiers as clients make them.
func newID() -> String { identifiers.next(Node.self).description }
