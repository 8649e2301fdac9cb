import { type Pool } from 'pg';

export type JobStatus = 'pending' | 'publishing' | 'published' | 'failed';

export interface PublishingJob {
  readonly id: string;
  readonly domainId: string;
  readonly contentId: string;
  readonly targetId: string;
  readonly status: JobStatus;
}

interface Row {
  id: string;
  domain_id: string;
  content_id: string;
  target_id: string;
  status: JobStatus;
}

/** Publishing jobs in PostgreSQL. */
export class PublishingJobRepository {
  constructor(private readonly pool: Pool) {}

  async add(job: PublishingJob): Promise<void> {
    await this.pool.query(
      `INSERT INTO publishing_jobs (id, domain_id, content_id, target_id, status, region)
       VALUES ($1, $2, $3, $4, $5, 'us-east-1')`,
      [job.id, job.domainId, job.contentId, job.targetId, job.status],
    );
  }

  async find(id: string): Promise<PublishingJob | null> {
    const found = await this.pool.query<Row>('SELECT * FROM publishing_jobs WHERE id = $1', [id]);
    const row = found.rows[0];
    if (row === undefined) return null;
    return {
      id: row.id,
      domainId: row.domain_id,
      contentId: row.content_id,
      targetId: row.target_id,
      status: row.status,
    };
  }

  /** Takes a pending job; false if somebody else was faster. */
  async begin(id: string): Promise<boolean> {
    const taken = await this.pool.query(
      `UPDATE publishing_jobs SET status = 'publishing', updated_at = now()
       WHERE id = $1 AND status = 'pending'`,
      [id],
    );
    return taken.rowCount === 1;
  }
}
