import API
import Foundation
import Notation
import Testing

/// Marked texts go in through every door that takes what people say of people, and none of them stands in the database's files
/// (HB-6). What a clinic prints on its door is not marked: the names of places, practitioners and visit types.
@Suite struct WhatIsKeptOfPeople {
    private static let mark = "zzkept"
    private static let phone = "+49 8080808080"
    private static let sealedSchemas: Set<String> = [
        "Patient", "BookingRequest", "MoveRequest", "CancellationRequest", "SeriesCancellation", "ErrorMarkRequest",
        "ScheduleException",
        "CorrectionDenial", "CorrectionExtension", "Disagreement", "ClosingRequest", "Reason", "DeadLetterDiscarding",
        "DeviceRegistration", "StaffContactRequest", "RefundRecord",
        "SignInRequest", "InvitationRequest", "EmailChangeRequest", "ServiceRequest", "EmergencyRequest", "EmergencyReview",
    ]

    @Test func `is sealed, whichever way it came in`() async throws {
        try await inHouse { visitor in
            var marked: [String: Int] = [:]
            for route in visitor.house.api.routes where route.changesSomething {
                guard let takes = route.takes, Self.sealedSchemas.contains(takes) else { continue }
                for who in [Who.emma, .brandt, .desk, .admin] {
                    var ask = try await Sample.all[route.operation]!.ask(visitor)
                    guard let body = ask.body else { continue }
                    ask.body = Self.body(of: takes, like: body)
                    if ask.body != body, try await visitor.send(ask, by: who).status < 300 { marked[takes, default: 0] += 1 }
                }
            }
            #expect(Set(marked.keys) == Self.sealedSchemas, "marked texts were taken by \(marked)")
            try await visitor.house.deliver()
            let made = try await visitor.send(
                .post("/v1/patients", #"{"name":"\#(Self.mark)","email":"\#(Self.mark)@x.example","phone":"\#(Self.phone)"}"#))
            #expect(made.status == 201)
            let found = try await visitor.send(.get("/v1/patients?email=\(Self.mark.uppercased())@x.example"), by: .desk)
            let ids = found.items.compactMap { $0["id"]?.string }
            #expect(ids.contains(made.id), "\(ids)")
            let files = try visitor.house.files()
            for text in [Self.mark, "8080808080"] { #expect(files.range(of: Data(text.utf8)) == nil, "\(text)") }
        }
    }

    @Test func `would be found: the same look finds what is public`() async throws {
        try await inHouse { visitor in
            _ = try await visitor.send(
                .post("/v1/locations", #"{"name":"\#(Self.mark)","zone":"Europe/Berlin"}"#), by: .admin)
            #expect(try visitor.house.files().range(of: Data(Self.mark.utf8)) != nil)
        }
    }

    private static func body(of schema: String, like body: String) -> String {
        var json = try! JSON(parsing: body)
        for property in SchemaCheck.schemas[schema]?["properties"]?.members ?? [] {
            let form = property.value
            guard form["type"]?.string == "string", form["enum"] == nil else { continue }
            guard form["format"] == nil || form["format"]?.string == "email" else { continue }
            switch property.name {
            case "password", "oldPassword", "newPassword", "code", "login", "refreshToken", "role", "zone", "quietFrom",
                "quietUntil", "providerRefund":
                continue
            case "phone": json = json.with(property.name, JSON(.string(phone)))
            case "email": json = json.with(property.name, JSON(.string("\(mark)@x.example")))
            default: json = json.with(property.name, JSON(.string(mark)))
            }
        }
        return json.text
    }
}
