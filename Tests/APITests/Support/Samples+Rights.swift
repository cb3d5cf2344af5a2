import Notation
import People
import Storage
import Testing
import Workflows

extension Sample {
    /// What patients may ask for, and what becomes of it.
    static let rights: [String: Sample] = [
        "askCorrection": Sample("ynnnyynn") { visitor in
            try await visitor.settleCorrections()
            return .post("/v1/patients/\(Known.emma)/corrections", try await visitor.correctionOfEmma())
        },
        "listCorrections": Sample("nnnnnyny") { _ in .get("/v1/corrections?state=open") },
        "readCorrection": Sample("yhhhyyhy") { .get("/v1/corrections/\(try await $0.askedCorrection().id)") },
        "acceptCorrection": Sample("nnnnnyny") { visitor in
            let patient = try await visitor.registered()
            let asked = try await visitor.send(
                .post(
                    "/v1/patients/\(patient)/corrections",
                    #"{"field":"name","says":"Some Body","shouldSay":"Somebody","statement":"one word"}"#))
            return .post("/v1/corrections/\(asked.id)/acceptance")
        },
        "denyCorrection": Sample("nnnnnyny") {
            .post("/v1/corrections/\(try await $0.askedCorrection().id)/denial", fullBodies["CorrectionDenial"]!)
        },
        "extendCorrection": Sample("nnnnnyny") {
            .post("/v1/corrections/\(try await $0.askedCorrection().id)/extension", fullBodies["CorrectionExtension"]!)
        },
        "disagreeWithDenial": Sample("yhhhyyhh") { visitor in
            let id = try await visitor.askedCorrection().id
            try await visitor.settleCorrections()
            return .post("/v1/corrections/\(id)/disagreement", fullBodies["Disagreement"]!)
        },
        "readRetention": Sample("nnnnyyny") { _ in .get("/v1/patients/\(Known.emma)/retention") },
        "closePatient": Sample("nnnnyynn") {
            .post("/v1/patients/\(try await $0.registered())/close", fullBodies["ClosingRequest"]!)
        },
        "reopenPatient": Sample("nnnnnyny") {
            .post("/v1/patients/\(try await $0.closed())/reopen", fullBodies["Reason"]!)
        },
        "holdPatient": Sample("nnnnnyny") {
            .post("/v1/patients/\(try await $0.registered())/legal-hold", fullBodies["Reason"]!)
        },
        "liftHold": Sample("nnnnnyny") { visitor in
            let patient = try await visitor.registered()
            _ = try await visitor.send(.post("/v1/patients/\(patient)/legal-hold", fullBodies["Reason"]!), by: .admin)
            return .delete("/v1/patients/\(patient)/legal-hold")
        },
        "listTasks": Sample("nnnnyynn") { _ in .get("/v1/tasks?state=open") },
        "listChanges": Sample("nnnnnynn") { _ in .get("/v1/changes?limit=5") },
        "readSync": Sample("nnnnyynn") { _ in .get("/v1/sync") },
        "readLegacy": Sample("nnnnnynn") { _ in .get("/v1/legacy") },
        "compareLegacy": Sample("nnnnnynn") { _ in .get("/v1/legacy/comparison?last=50") },
        // There already: whoever walks through all of these goes on in a clinic that replaces nothing.
        "changeLegacyPhase": Sample("nnnnnynn") { _ in .post("/v1/legacy/phase", #"{"phase":"off"}"#) },
        "shareLegacy": Sample("nnnnnynn") { _ in .post("/v1/legacy/share", fullBodies["LegacyShare"]!) },
        "backfillLegacy": Sample("nnnnncnn") { _ in .post("/v1/legacy/backfill") },
        "completeTask": Sample("nnnnyynn") {
            .post("/v1/tasks/\(try await $0.raised())/completion", fullBodies["Reason"]!)
        },
        "erasePatient": Sample("nnnnnyny") { .post("/v1/patients/\(try await $0.closed())/erasure") },
    ]
}

extension Visitor {
    /// Somebody registered a moment ago.
    func registered() async throws -> String { try await send(.post("/v1/patients", #"{"name":"Some Body"}"#)).id }

    /// The same, and closed.
    func closed() async throws -> String {
        let patient = try await registered()
        let heard = try await send(.post("/v1/patients/\(patient)/close", #"{"reason":"moved away"}"#))
        try #require(heard.status == 200, "\(heard.text)")
        return patient
    }

    /// Denies whatever Emma has open.
    func settleCorrections() async throws {
        var (open, next): ([String], String?) = ([], "")
        while let cursor = next {
            let page = try await get(
                "/v1/corrections?limit=200&patient=\(Known.emma)" + (cursor.isEmpty ? "" : "&cursor=\(cursor)"), by: .admin)
            open += page.items.filter { $0["state"]?.string == "open" }.compactMap { $0["id"]?.string }
            next = page.next
        }
        for id in open {
            let heard = try await send(.post("/v1/corrections/\(id)/denial", Sample.fullBodies["CorrectionDenial"]!), by: .admin)
            try #require(heard.status == 200, "\(heard.text)")
        }
    }

    /// Of her address, whatever the record says.
    func correctionOfEmma() async throws -> String {
        let says = try await get("/v1/patients/\(Known.emma)")["email"]?.text ?? "null"
        return #"{"field":"email","says":\#(says),"shouldSay":"emma@example.org","statement":"I have moved"}"#
    }

    /// A task about Emma.
    func raised() async throws -> String {
        let (clinic, key) = (house.clinic, house.clinic.surroundings.identifiers.next(ClinicTask.self).description)
        try await clinic.database.write { transaction in
            let draft = TaskDraft(.deliveryDead, key: key, patient: ID(Known.emma)) { $0.member("topic", "test") }
            try clinic.raise(draft, in: transaction)
        }
        let page = try await clinic.tasks(
            onlyOpen: false, page: PageRequest(limit: 200), for: Call(caller: Who.admin.caller, requestID: "raised"))
        return try #require(page.elements.last).id.description
    }

    /// The desk asks on Emma's behalf.
    func askedCorrection() async throws -> Heard {
        try await settleCorrections()
        let heard = try await send(.post("/v1/patients/\(Known.emma)/corrections", try await correctionOfEmma()))
        try #require(heard.status == 201, "\(heard.text)")
        return heard
    }
}
