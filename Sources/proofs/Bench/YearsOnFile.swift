import Foundation
import LoopbackClient
import Notation
import PostgresCluster
import Processes

/// What a booking costs on PostgreSQL with ten million appointments on file, and with a hundred thousand: in CPU time of
/// the program and of the server together, because time on the clock would tell more about the neighbours.
struct YearsOnFile {
    let rig: BenchRig

    private struct Clinic {
        let house: DataFolder
        let database: String
        let server: RunningServer
        let visits: Int
        var first = 0
        var costs: [Double] = []
        var errors = 0
    }

    func measure() async throws -> [Finding] {
        let (many, few) = (rig.isQuick ? 1_000_000 : 10_000_000, 100_000)
        return try await PrivateCluster.withCluster(settings: rig.watching(Self.settings)) { cluster in
            var old = try await clinic(behind: many, on: cluster)
            var young = try await clinic(behind: few, on: cluster)
            let plan = try await rig.planFile(for: old.house)
            for round in 0...rig.rounds {
                try await measure(&old, plan, cluster, counts: round > 0)
                try await measure(&young, plan, cluster, counts: round > 0)
                say(
                    """
                    history, round \(round): \(Int(old.costs.last ?? 0)) µs a booking with \(many) on file, \
                    \(Int(young.costs.last ?? 0)) µs with \(few)
                    """)
            }
            _ = await old.server.stop()
            _ = await young.server.stop()
            let (dear, cheap) = (old.costs.median, young.costs.median)
            return [
                Finding(
                    what: "CPU of a booking with \(many) appointments on file", ours: "\(Int(dear)) µs",
                    comparedWith: "\(few) on file: \(Int(cheap)) µs", ratio: dear / cheap, target: "≤ 1.25×",
                    isMet: dear <= cheap * 1.25),
                .bound("… that failed", Double(old.errors + young.errors), unit: "errors", below: 1),
            ]
        }
    }

    private static let settings = PostgresRates.settings.merging([
        "shared_buffers": "2GB", "maintenance_work_mem": "1GB", "max_wal_size": "16GB",
    ]) { $1 }

    private func clinic(behind visits: Int, on cluster: PrivateCluster) async throws -> Clinic {
        let fresh = try await cluster.freshDatabase()
        let house = try await rig.emptyClinic(on: fresh.url, named: "behind-\(visits)")
        try await rig.watchStatements(cluster, fresh.name)
        let start = ContinuousClock.now
        for (what, text) in Self.fill(visits) {
            try await cluster.psql(text, database: fresh.name)
            say("history: \(visits) visits, \(what) after \(Int((ContinuousClock.now - start) / .seconds(1))) s")
        }
        return Clinic(house: house, database: fresh.name, server: try await rig.serve(house), visits: visits)
    }

    private func measure(_ clinic: inout Clinic, _ plan: String, _ cluster: PrivateCluster, counts: Bool) async throws {
        let before = try clinic.server.process.cpuMicroseconds + cluster.cpuMicroseconds
        let result = try await rig.wrk().run("book.lua", against: clinic.server.base, [plan, "\(clinic.first)"])
        // Delivery is part of the price.
        try await Task.sleep(for: .seconds(2))
        let used = try clinic.server.process.cpuMicroseconds + cluster.cpuMicroseconds - before
        try await rig.tellStatements(cluster, clinic.database, bookings: result.requests)
        say("    \(Int(result.rate))/s, refused \(result.refused)")
        clinic.first += result.requests + 200
        clinic.errors += result.errors
        let cost = Double(used) / Double(max(1, result.requests))
        if counts { clinic.costs.append(cost) } else { clinic.costs = [] }
    }

    /// Visits of the past as the product leaves them: appointment, patients, claims, event, audit, notices. Rows first,
    /// indexes afterwards: made one by one they would take an hour.
    private static func fill(_ visits: Int) -> [(what: String, text: String)] {
        [
            (
                "indexes laid aside",
                """
                CREATE TABLE aside AS
                    SELECT 1 AS place, c.relname::text AS name, format('ALTER TABLE %s DROP CONSTRAINT %I', c.relname, o.conname) AS away,
                        format('ALTER TABLE %s ADD CONSTRAINT %I %s', c.relname, o.conname, pg_get_constraintdef(o.oid)) AS back
                    FROM pg_constraint AS o JOIN pg_class AS c ON c.oid = o.conrelid
                    WHERE o.contype = 'x' AND c.relname = 'claim'
                    UNION ALL SELECT 2, tablename, format('DROP INDEX %I', indexname), indexdef FROM pg_indexes
                    WHERE tablename IN ('appointment', 'appointment_patient', 'claim', 'event', 'audit', 'notice')
                        AND indexname NOT LIKE '%pkey' AND indexname <> 'claim_overlap';
                DO $$ DECLARE one record; BEGIN
                    FOR one IN SELECT away FROM aside ORDER BY place LOOP EXECUTE one.away; END LOOP;
                END $$;
                CREATE TABLE past AS SELECT n, ('01800000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
                    p.id AS practitioner, q.id AS patient,
                    date_trunc('hour', now()) - interval '2 days' - (n / 500) * interval '5 minutes' AS at
                FROM generate_series(0, \(visits) - 1) AS n
                JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM resource WHERE kind = 'practitioner') AS p ON p.k = n % 500
                JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS k FROM patient) AS q
                    ON q.k = n % (SELECT count(*) FROM patient);
                """
            ),
            (
                "appointments",
                """
                SET session_replication_role = replica;
                INSERT INTO appointment (id, state, visit_type_id, practitioner_id, location_id, patients, start_at, end_at, content,
                    created_at, updated_at, version)
                SELECT past.id, 'fulfilled', (SELECT id FROM visit_type LIMIT 1), practitioner, (SELECT id FROM location LIMIT 1),
                    json_build_array(patient), at, at + interval '5 minutes', decode(repeat('ab', 32), 'hex'), at, at, 4 FROM past;
                INSERT INTO appointment_patient (patient_id, start_at, appointment_id) SELECT patient, at, id FROM past;
                INSERT INTO claim (holder_id, lane, from_at, to_at, appointment_id)
                SELECT practitioner, 0, at, at + interval '5 minutes', id FROM past;
                INSERT INTO claim (holder_id, lane, from_at, to_at, appointment_id)
                SELECT patient, 0, at, at + interval '5 minutes', id FROM past;
                """
            ),
            (
                "records",
                """
                SET session_replication_role = replica;
                INSERT INTO event (id, kind, appointment_id, at, payload)
                SELECT gen_random_uuid(), 'appointment.booked', id, at, json_build_object('kind', 'appointment.booked',
                    'appointment', id, 'practitioner', practitioner, 'patients', json_build_array(patient), 'start', at, 'version', 1)
                FROM past;
                INSERT INTO audit (subject_id, id, at, by, act, to_state, request_id)
                SELECT id, gen_random_uuid(), at, 'patient:' || patient, 'appointment.booked', 'booked', id::text FROM past;
                INSERT INTO notice (id, recipient_id, recipient_role, kind, appointment_id, at, payload)
                SELECT gen_random_uuid(), patient, 'patient', 'confirmation', id, at, json_build_object('start', at) FROM past;
                DROP TABLE past;
                """
            ),
            (
                "indexes put back",
                """
                SET max_parallel_maintenance_workers = 2;
                DO $$ DECLARE one record; BEGIN
                    FOR one IN SELECT back FROM aside ORDER BY place LOOP EXECUTE one.back; END LOOP;
                END $$;
                DROP TABLE aside;
                """
            ),
            ("statistics", "VACUUM ANALYZE"),
            ("a checkpoint", "CHECKPOINT"),
        ]
    }
}
