import Notation
import Scheduling

// MC-9: a freed time is offered to one person at a time, to nobody twice, and every chain has an end.
extension Checker {
    private static let offersOfChain = 3

    mutating func checkOffers() {
        let offers = snapshot.offers.filter { $0.patient != nil }
        for (time, offers) in Dictionary(grouping: offers, by: { "\($0.practitioner) \($0.start)" }).sorted(by: {
            $0.key < $1.key
        }) {
            checkTime(time, offers)
        }
        for (chain, offers) in Dictionary(grouping: offers, by: \.chain) where offers.count > Self.offersOfChain {
            report(.offeredOnce, "chain \(chain) has \(offers.count) offers")
        }
        for offer in offers { checkHold(of: offer) }
        checkTellings(offers)
    }

    /// One after the other, and nobody twice.
    private mutating func checkTime(_ time: String, _ offers: [Snapshot.Offer]) {
        if offers.count(where: { $0.endedAt == nil }) > 1 { report(.offeredOnce, "\(time) is offered to two at once") }
        if Set(offers.map(\.patient)).count < offers.count { report(.offeredOnce, "\(time) was offered to somebody twice") }
        let inOrder = offers.sorted { $0.at < $1.at }
        for (first, second) in zip(inOrder, inOrder.dropFirst()) {
            guard let end = first.endedAt, end <= second.at + clockSlack else {
                report(.offeredOnce, "\(time) was offered to another before the first had answered")
                continue
            }
        }
    }

    /// An offer is what its hold is.
    private mutating func checkHold(of offer: Snapshot.Offer) {
        guard let id = offer.appointment, let chain = chains[id], chain.links.first?.kind == "appointment.held" else {
            return report(.offeredOnce, "offer \(offer.id) holds nothing")
        }
        let kinds = Set(chain.links.map(\.kind))
        let isConfirmed = kinds.contains("appointment.confirmed")
        let isRight =
            switch offer.state {
            case "open": bookings[id]?.state == "pending"
            case "accepted": isConfirmed
            case "expired": kinds.contains("appointment.expired") && !isConfirmed
            default: bookings[id].map { !$0.isLive } ?? false && !isConfirmed
            }
        if !isRight { report(.offeredOnce, "offer \(offer.id) is \(offer.state), and its hold is not") }
        if isQuiet, offer.state == "open" { report(.offeredOnce, "offer \(offer.id) was never answered") }
    }

    /// Who is offered something is told, once.
    private mutating func checkTellings(_ offers: [Snapshot.Offer]) {
        let told = snapshot.notices.filter { $0.kind == "offer" }.map { "\($0.appointment) to \($0.recipient)" }
        let wanted = offers.compactMap { offer in
            offer.appointment.flatMap { id in offer.patient.map { "\(id) to \($0)" } }
        }
        compare(.everythingFollowsOnce, wanted: wanted, found: told, "notice of an offer")
    }
}
