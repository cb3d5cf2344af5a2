import Notation
import People
import Scheduling
import Workflows

/// What clients may keep: the clinic and its places for an hour, what can be booked for a quarter of one (MA-14).
enum Freshness {
    static let clinic = "private, max-age=3600"
    static let templates = "private, max-age=900"
}

/// The clinic's directory: locations, practitioners, rooms, devices, visit types.
struct DirectoryRoutes {
    var routes: [Route] {
        specialties
            + collection(
                "locations", "Location", one: "location", Freshness.clinic,
                all: { $0.locations.values.sorted { $0.id < $1.id } }, find: { $0.locations[$1.of()] },
                id: { $0.id.of() }, version: \.version, write: { $1.write(to: &$0) },
                change: { .storeLocation(Location($0, id: $1.of(), version: $2)) })
            + resources("practitioners", "Practitioner", .practitioner) + resources("rooms", "Room", .room)
            + resources("devices", "Device", .device)
            + collection(
                "visit-types", "VisitType", one: "visit type", Freshness.templates,
                all: { $0.visitTypes.values.sorted { $0.id < $1.id } }, find: { $0.visitTypes[$1.of()] },
                id: { $0.id.of() }, version: \.version, write: { $1.write(to: &$0) },
                change: { .storeVisitType(VisitType($0, id: $1.of(), version: $2)) })
    }

    private var specialties: [Route] {
        [
            Route(
                .get, "/v1/specialties", "listSpecialties", "The specialties of the clinic's practitioners",
                gives: "SpecialtyList", alsoGives: [304]
            ) {
                exchange, clinic in
                let directory = try await clinic.directory(for: exchange.caller)
                let names = Set(directory.resources.values.filter(\.active).compactMap(\.specialty)).sorted()
                return exchange.fresh(directory, Freshness.clinic) { json in
                    json.object { $0.member("items", names) }
                }
            }
        ]
    }

    private func resources(_ name: String, _ schema: String, _ kind: Resource.Kind) -> [Route] {
        collection(
            name, schema, one: kind.rawValue, Freshness.clinic,
            all: { $0.resources.values.filter { $0.kind == kind }.sorted { $0.id < $1.id } },
            find: { directory, id in directory.resources[id.of()].flatMap { $0.kind == kind ? $0 : nil } },
            id: { $0.id.of() }, version: \.version, write: { $1.write(to: &$0) },
            change: { .storeResource(Resource($0, id: $1.of(), kind: kind, version: $2)) })
    }

    /// List, read, create and replace: the same four for every kind of record.
    private func collection<Record: Sendable>(
        _ name: String, _ schema: String, one: String, _ freshness: String,
        all: @escaping @Sendable (Directory) -> [Record],
        find: @escaping @Sendable (Directory, ID<AnyRecord>) -> Record?,
        id: @escaping @Sendable (Record) -> ID<AnyRecord>,
        version: @escaping @Sendable (Record) -> Int,
        write: @escaping @Sendable (inout JSONWriter, Record) -> Void,
        change: @escaping @Sendable (Fields, ID<AnyRecord>, Int) -> DirectoryChange
    ) -> [Route] {
        let stored: @Sendable (Directory, ID<AnyRecord>, Int) -> StoredAnswer = { directory, id, status in
            var json = JSONWriter()
            let record = find(directory, id)
            if let record { write(&json, record) }
            return StoredAnswer(
                status: status, etag: "\"v\(record.map(version) ?? 0)\"", location: status == 201 ? "/v1/\(name)/\(id)" : nil,
                body: json.bytes)
        }
        return [
            Route(
                .get, "/v1/\(name)", "list\(schema)s", "Every \(one)", query: pageParameters, gives: "\(schema)Page",
                alsoGives: [304]
            ) { exchange, clinic in
                let fields = exchange.queryFields()
                let page = fields.page()
                try fields.check()
                let directory = try await clinic.directory(for: exchange.caller)
                let after = page.after?.id
                let rest = all(directory).filter { record in after.map { $0 < id(record).of() } ?? true }
                let shown = rest.prefix(page.limit)
                return exchange.fresh(directory, freshness) { json in
                    json.object { json in
                        json.name("items")
                        json.array(of: shown) { write(&$0, $1) }
                        if rest.count > page.limit, let last = shown.last {
                            json.member("next", Cursor(at: Instant(microseconds: 0), id: id(last).of()).description)
                        }
                    }
                }
            },
            Route(.get, "/v1/\(name)/{id}", "read\(schema)", "One \(one)", gives: schema, alsoGives: [304], problems: [.notFound])
            { exchange, clinic in
                let directory = try await clinic.directory(for: exchange.caller)
                guard let record = find(directory, try exchange.id()) else { throw Problem(.notFound) }
                let etag = "\"v\(version(record))\""
                if exchange.hasAlready(etag) { return Answer(status: 304).cached(freshness, etag: etag) }
                return Answer.json { write(&$0, record) }.cached(freshness, etag: etag)
            },
            Route(
                .post, "/v1/\(name)", "create\(schema)", "Add a \(one)", takes: schema, gives: schema, status: 201,
                problems: [.unknownReference, .identifierAlreadyUsed]
            ) { exchange, clinic in
                let fields = exchange.fields()
                let id = fields.optionalID("id", AnyRecord.self) ?? clinic.surroundings.identifiers.next(AnyRecord.self)
                let wanted = change(fields, id, 1)
                try fields.check()
                return Answer(
                    try await clinic.change(wanted, call: exchange.call, wording: exchange.wording { stored($0, id, 201) }))
            },
            Route(
                .put, "/v1/\(name)/{id}", "replace\(schema)", "Change a \(one)", takes: schema, gives: schema,
                problems: [.notFound, .unknownReference, .changedMeanwhile, .timeUnavailable], needsIfMatch: true
            ) { exchange, clinic in
                let id = try exchange.id("id", AnyRecord.self)
                let fields = exchange.fields()
                if let named = fields.optionalID("id", AnyRecord.self), named != id {
                    fields.reject("id", "is not the one in the address")
                }
                guard let expected = try exchange.expectedVersion() else {
                    throw Problem(.preconditionRequired, detail: "Name the version: * is not enough.")
                }
                let wanted = change(fields, id, expected + 1)
                try fields.check()
                guard find(try await clinic.directory(for: exchange.caller), id) != nil else { throw Problem(.notFound) }
                return Answer(
                    try await clinic.change(wanted, call: exchange.call, wording: exchange.wording { stored($0, id, 200) }))
            },
        ]
    }
}

/// The label of an identifier in the address, before its kind matters.
enum AnyRecord {}

extension Exchange {
    /// A part of the directory: its ETag is the directory's revision.
    func fresh(_ directory: Directory, _ freshness: String, _ write: (inout JSONWriter) -> Void) -> Answer {
        let etag = "\"d\(directory.revision)\""
        if hasAlready(etag) { return Answer(status: 304).cached(freshness, etag: etag) }
        return Answer.json(write).cached(freshness, etag: etag)
    }
}
