// The peer without framework: node:http and pg on the same tables, a detail and a list of 20.
const http = require("node:http");
const { Pool } = require("pg");

const pool = new Pool({ host: process.env.SOCKET, user: "souk", database: "souk", max: 8 });
const COLUMNS = `p.id, p.vendor_id, p.name, p.slug, p.description, p.price_minor, p.currency,
    p.stock - p.reserved as available, p.status, p.rating_sum, p.rating_count, p.created_at,
    p.updated_at, v.business_name, v.slug as vendor_slug`;
const FROM = "from products p join vendors v on v.id = p.vendor_id";
const DETAIL = { name: "detail", text: `select ${COLUMNS} ${FROM} where p.id = $1` };
const LIST = {
    name: "list",
    text: `select ${COLUMNS} ${FROM} where p.status = 'PUBLISHED' and v.status = 'ACTIVE'
        order by p.created_at desc, p.id desc limit 20`,
};

const view = (row) => ({
    id: row.id, vendorId: row.vendor_id, name: row.name, slug: row.slug,
    description: row.description, available: row.available, status: row.status,
    price: { amount: Number(row.price_minor), currency: row.currency },
    vendor: { id: row.vendor_id, businessName: row.business_name, slug: row.vendor_slug },
    rating: { average: row.rating_count ? row.rating_sum / row.rating_count : 0,
        count: row.rating_count },
    createdAt: row.created_at, updatedAt: row.updated_at,
});

http.createServer(async (request, response) => {
    const id = request.url.slice(1);
    const query = id ? { ...DETAIL, values: [id] } : LIST;
    const { rows } = await pool.query(query);
    const body = JSON.stringify(id ? view(rows[0]) : { data: rows.map(view) });
    response.writeHead(200, { "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body) });
    response.end(body);
}).listen(Number(process.env.PORT), "127.0.0.1");
