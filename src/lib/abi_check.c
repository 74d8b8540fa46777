/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of every public structure, checked when this file is compiled: sizes and offsets of x86-64 are part of
 * the interface, since programs and their bindings for other languages were built against them.
 */
#include <daos_array.h>
#include <daos_fs.h>
#include <daos_mgmt.h>
#include <daos_obj.h>
#include <daos_obj_class.h>
#include <daos_pipeline.h>
#include <daos_pool.h>
#include <daos_prop.h>
#include <daos_s3.h>
#include <daos_security.h>
#include <daos_task.h>
#include <daos_types.h>
#include <daos_uns.h>
#include <dfuse_ioctl.h>
#include <cart/types.h>
#include <daos/tse.h>
#include <gurt/common.h>
#include <gurt/dlog.h>
#include <gurt/fault_inject.h>
#include <gurt/hash.h>
#include <gurt/heap.h>
#include <gurt/list.h>
#include <gurt/slab.h>
#include <gurt/telemetry_common.h>
#include <gurt/types.h>

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), "size of " #type)
#define AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), "offset of " #type "." #field)

/* gurt/types.h */
SIZE(struct d_uuid, 16); AT(struct d_uuid, uuid, 0);
SIZE(d_iov_t, 24); AT(d_iov_t, iov_buf, 0); AT(d_iov_t, iov_buf_len, 8); AT(d_iov_t, iov_len, 16);
SIZE(d_rank_list_t, 16); AT(d_rank_list_t, rl_ranks, 0); AT(d_rank_list_t, rl_nr, 8);
SIZE(d_rank_range_t, 8); AT(d_rank_range_t, lo, 0); AT(d_rank_range_t, hi, 4);
SIZE(d_rank_range_list_t, 16); AT(d_rank_range_list_t, rrl_ranges, 0); AT(d_rank_range_list_t, rrl_nr, 8);
SIZE(d_sg_list_t, 16); AT(d_sg_list_t, sg_nr, 0); AT(d_sg_list_t, sg_nr_out, 4); AT(d_sg_list_t, sg_iovs, 8);
SIZE(struct d_string_buffer_t, 32); AT(struct d_string_buffer_t, status, 0); AT(struct d_string_buffer_t, str_size, 8);
AT(struct d_string_buffer_t, buf_size, 16); AT(struct d_string_buffer_t, str, 24);

/* cart/types.h */
SIZE(struct crt_protocol_info, 32); AT(struct crt_protocol_info, next, 0); AT(struct crt_protocol_info, class_name, 8);
AT(struct crt_protocol_info, protocol_name, 16); AT(struct crt_protocol_info, device_name, 24);
SIZE(struct crt_init_options, 72); AT(struct crt_init_options, cio_crt_timeout, 0);
AT(struct crt_init_options, cio_ctx_max_num, 8); AT(struct crt_init_options, cio_ep_credits, 12);
AT(struct crt_init_options, cio_max_expected_size, 16); AT(struct crt_init_options, cio_max_unexpected_size, 20);
AT(struct crt_init_options, cio_swim_crt_idx, 24); AT(struct crt_init_options, cio_provider, 32);
AT(struct crt_init_options, cio_interface, 40); AT(struct crt_init_options, cio_domain, 48);
AT(struct crt_init_options, cio_port, 56); AT(struct crt_init_options, cio_auth_key, 64);
SIZE(struct crt_group, 8); AT(struct crt_group, cg_grpid, 0);
SIZE(crt_endpoint_t, 16); AT(crt_endpoint_t, ep_grp, 0); AT(crt_endpoint_t, ep_rank, 8); AT(crt_endpoint_t, ep_tag, 12);
SIZE(struct crt_rpc, 72); AT(struct crt_rpc, cr_ctx, 0); AT(struct crt_rpc, cr_ep, 8); AT(struct crt_rpc, cr_opc, 24);
AT(struct crt_rpc, cr_input, 32); AT(struct crt_rpc, cr_output, 40); AT(struct crt_rpc, cr_input_size, 48);
AT(struct crt_rpc, cr_output_size, 56); AT(struct crt_rpc, cr_co_bulk_hdl, 64);
SIZE(struct crt_req_format, 32); AT(struct crt_req_format, crf_proc_in, 0); AT(struct crt_req_format, crf_proc_out, 8);
AT(struct crt_req_format, crf_size_in, 16); AT(struct crt_req_format, crf_size_out, 24);
SIZE(struct crt_proto_rpc_format, 32); AT(struct crt_proto_rpc_format, prf_req_fmt, 0);
AT(struct crt_proto_rpc_format, prf_hdlr, 8); AT(struct crt_proto_rpc_format, prf_co_ops, 16);
AT(struct crt_proto_rpc_format, prf_flags, 24);
SIZE(struct crt_proto_format, 32); AT(struct crt_proto_format, cpf_name, 0); AT(struct crt_proto_format, cpf_ver, 8);
AT(struct crt_proto_format, cpf_count, 12); AT(struct crt_proto_format, cpf_prf, 16);
AT(struct crt_proto_format, cpf_base, 24);
SIZE(struct crt_proto_query_cb_info, 16); AT(struct crt_proto_query_cb_info, pq_arg, 0);
AT(struct crt_proto_query_cb_info, pq_ver, 8); AT(struct crt_proto_query_cb_info, pq_rc, 12);
SIZE(struct crt_bulk_desc, 56); AT(struct crt_bulk_desc, bd_rpc, 0); AT(struct crt_bulk_desc, bd_bulk_op, 8);
AT(struct crt_bulk_desc, bd_remote_hdl, 16); AT(struct crt_bulk_desc, bd_remote_off, 24);
AT(struct crt_bulk_desc, bd_local_hdl, 32); AT(struct crt_bulk_desc, bd_local_off, 40);
AT(struct crt_bulk_desc, bd_len, 48);
SIZE(struct crt_cb_info, 24); AT(struct crt_cb_info, cci_rpc, 0); AT(struct crt_cb_info, cci_arg, 8);
AT(struct crt_cb_info, cci_rc, 16);
SIZE(struct crt_bulk_cb_info, 24); AT(struct crt_bulk_cb_info, bci_bulk_desc, 0);
AT(struct crt_bulk_cb_info, bci_arg, 8); AT(struct crt_bulk_cb_info, bci_rc, 16);

/* daos_types.h */
SIZE(daos_anchor_t, 120); AT(daos_anchor_t, da_type, 0); AT(daos_anchor_t, da_shard, 2); AT(daos_anchor_t, da_flags, 4);
AT(daos_anchor_t, da_sub_anchors, 8); AT(daos_anchor_t, da_buf, 16);
SIZE(daos_handle_t, 8); AT(daos_handle_t, cookie, 0);
SIZE(daos_epoch_range_t, 16); AT(daos_epoch_range_t, epr_lo, 0); AT(daos_epoch_range_t, epr_hi, 8);
SIZE(daos_cont_info_t, 48); AT(daos_cont_info_t, ci_uuid, 0); AT(daos_cont_info_t, ci_lsnapshot, 16);
AT(daos_cont_info_t, ci_nhandles, 24); AT(daos_cont_info_t, ci_nsnapshots, 28); AT(daos_cont_info_t, ci_md_otime, 32);
AT(daos_cont_info_t, ci_md_mtime, 40);
SIZE(struct daos_event, 176); AT(struct daos_event, ev_error, 0); AT(struct daos_event, ev_private, 8);
AT(struct daos_event, ev_debug, 168);
SIZE(struct d_tgt_list, 24); AT(struct d_tgt_list, tl_ranks, 0); AT(struct d_tgt_list, tl_tgts, 8);
AT(struct d_tgt_list, tl_nr, 16);
SIZE(daos_obj_id_t, 16); AT(daos_obj_id_t, lo, 0); AT(daos_obj_id_t, hi, 8);
SIZE(struct daos_rank_uri, 16); AT(struct daos_rank_uri, dru_rank, 0); AT(struct daos_rank_uri, dru_uri, 8);
SIZE(struct daos_sys_info, 4256); AT(struct daos_sys_info, dsi_system_name, 0);
AT(struct daos_sys_info, dsi_fabric_provider, 64); AT(struct daos_sys_info, dsi_agent_path, 128);
AT(struct daos_sys_info, dsi_nr_ranks, 4224); AT(struct daos_sys_info, dsi_ranks, 4232);
AT(struct daos_sys_info, dsi_nr_ms_ranks, 4240); AT(struct daos_sys_info, dsi_ms_ranks, 4248);

/* daos_prop.h */
SIZE(struct daos_prop_co_roots, 64); AT(struct daos_prop_co_roots, cr_oids, 0);
SIZE(struct daos_co_status, 8); AT(struct daos_co_status, dcs_status, 0); AT(struct daos_co_status, dcs_flags, 2);
AT(struct daos_co_status, dcs_pm_ver, 4);
SIZE(struct daos_prop_entry, 16); AT(struct daos_prop_entry, dpe_type, 0); AT(struct daos_prop_entry, dpe_flags, 4);
AT(struct daos_prop_entry, dpe_reserv, 6);
SIZE(daos_prop_t, 16); AT(daos_prop_t, dpp_nr, 0); AT(daos_prop_t, dpp_reserv, 4); AT(daos_prop_t, dpp_entries, 8);
AT(struct daos_prop_entry, dpe_val, 8); AT(struct daos_prop_entry, dpe_str, 8);
AT(struct daos_prop_entry, dpe_val_ptr, 8);

/* daos_security.h */
SIZE(struct daos_acl, 8); AT(struct daos_acl, dal_ver, 0); AT(struct daos_acl, dal_reserv, 2);
AT(struct daos_acl, dal_len, 4); AT(struct daos_acl, dal_ace, 8);
SIZE(struct daos_ace, 32); AT(struct daos_ace, dae_access_types, 0); AT(struct daos_ace, dae_principal_type, 1);
AT(struct daos_ace, dae_principal_len, 2); AT(struct daos_ace, dae_access_flags, 4); AT(struct daos_ace, dae_reserv, 6);
AT(struct daos_ace, dae_allow_perms, 8); AT(struct daos_ace, dae_audit_perms, 16);
AT(struct daos_ace, dae_alarm_perms, 24); AT(struct daos_ace, dae_principal, 32);

/* daos_pool.h */
SIZE(daos_target_perf_t, 4); AT(daos_target_perf_t, foo, 0);
SIZE(struct daos_space, 32); AT(struct daos_space, s_total, 0); AT(struct daos_space, s_free, 16);
SIZE(daos_target_info_t, 48); AT(daos_target_info_t, ta_type, 0); AT(daos_target_info_t, ta_state, 4);
AT(daos_target_info_t, ta_perf, 8); AT(daos_target_info_t, ta_space, 16);
SIZE(struct daos_pool_space, 88); AT(struct daos_pool_space, ps_space, 0); AT(struct daos_pool_space, ps_free_min, 32);
AT(struct daos_pool_space, ps_free_max, 48); AT(struct daos_pool_space, ps_free_mean, 64);
AT(struct daos_pool_space, ps_ntargets, 80); AT(struct daos_pool_space, ps_padding, 84);
SIZE(struct daos_rebuild_status, 56); AT(struct daos_rebuild_status, rs_version, 0);
AT(struct daos_rebuild_status, rs_seconds, 4); AT(struct daos_rebuild_status, rs_errno, 8);
AT(struct daos_rebuild_status, rs_max_supported_layout_ver, 16); AT(struct daos_rebuild_status, rs_padding16, 18);
AT(struct daos_rebuild_status, rs_fail_rank, 20); AT(struct daos_rebuild_status, rs_toberb_obj_nr, 24);
AT(struct daos_rebuild_status, rs_obj_nr, 32); AT(struct daos_rebuild_status, rs_rec_nr, 40);
AT(struct daos_rebuild_status, rs_size, 48);
SIZE(daos_pool_info_t, 192); AT(daos_pool_info_t, pi_uuid, 0); AT(daos_pool_info_t, pi_ntargets, 16);
AT(daos_pool_info_t, pi_nnodes, 20); AT(daos_pool_info_t, pi_ndisabled, 24); AT(daos_pool_info_t, pi_map_ver, 28);
AT(daos_pool_info_t, pi_leader, 32); AT(daos_pool_info_t, pi_bits, 40); AT(daos_pool_info_t, pi_space, 48);
AT(daos_pool_info_t, pi_rebuild_st, 136);
SIZE(struct daos_pool_cont_info, 144); AT(struct daos_pool_cont_info, pci_uuid, 0);
AT(struct daos_pool_cont_info, pci_label, 16);
SIZE(struct daos_pool_cont_info2, 208); AT(struct daos_pool_cont_info2, pci_id, 0);
AT(struct daos_pool_cont_info2, pci_cinfo, 144); AT(struct daos_pool_cont_info2, pci_reserved, 192);
SIZE(struct daos_pool_cont_filter_part, 16); AT(struct daos_pool_cont_filter_part, pcfp_func, 0);
AT(struct daos_pool_cont_filter_part, pcfp_key, 4);
SIZE(struct daos_pool_cont_filter, 16); AT(struct daos_pool_cont_filter, pcf_combine_func, 0);
AT(struct daos_pool_cont_filter, pcf_nparts, 4); AT(struct daos_pool_cont_filter, pcf_parts, 8);
AT(struct daos_rebuild_status, rs_state, 12); AT(struct daos_rebuild_status, rs_done, 12);
AT(struct daos_pool_cont_filter_part, pcfp_val64, 8); AT(struct daos_pool_cont_filter_part, pcfp_valstr, 8);

/* daos_obj_class.h */
SIZE(struct daos_oclass_attr, 24); AT(struct daos_oclass_attr, ca_schema, 0); AT(struct daos_oclass_attr, ca_resil, 4);
AT(struct daos_oclass_attr, ca_resil_degree, 8); AT(struct daos_oclass_attr, ca_grp_nr, 12);
AT(struct daos_oclass_attr, u, 16);
SIZE(struct daos_oclass_list, 24); AT(struct daos_oclass_list, cl_nr, 0); AT(struct daos_oclass_list, cl_nr_out, 4);
AT(struct daos_oclass_list, cl_cids, 8); AT(struct daos_oclass_list, cl_cattrs, 16);
AT(struct daos_oclass_attr, u.rp.r_proto, 16); AT(struct daos_oclass_attr, u.rp.r_num, 20);
AT(struct daos_oclass_attr, u.ec.e_k, 16); AT(struct daos_oclass_attr, u.ec.e_p, 18);
AT(struct daos_oclass_attr, u.ec.e_len, 20);

/* daos_obj.h */
SIZE(struct daos_obj_attr, 16); AT(struct daos_obj_attr, oa_rank, 0); AT(struct daos_obj_attr, oa_oa, 8);
SIZE(daos_recx_t, 16); AT(daos_recx_t, rx_idx, 0); AT(daos_recx_t, rx_nr, 8);
SIZE(daos_iod_t, 64); AT(daos_iod_t, iod_name, 0); AT(daos_iod_t, iod_type, 24); AT(daos_iod_t, iod_size, 32);
AT(daos_iod_t, iod_flags, 40); AT(daos_iod_t, iod_nr, 48); AT(daos_iod_t, iod_recxs, 56);
SIZE(daos_iom_t, 64); AT(daos_iom_t, iom_type, 0); AT(daos_iom_t, iom_nr, 4); AT(daos_iom_t, iom_nr_out, 8);
AT(daos_iom_t, iom_flags, 12); AT(daos_iom_t, iom_size, 16); AT(daos_iom_t, iom_recx_lo, 24);
AT(daos_iom_t, iom_recx_hi, 40); AT(daos_iom_t, iom_recxs, 56);
SIZE(daos_key_desc_t, 16); AT(daos_key_desc_t, kd_key_len, 0); AT(daos_key_desc_t, kd_val_type, 8);

/* daos_array.h */
SIZE(daos_range_t, 16); AT(daos_range_t, rg_idx, 0); AT(daos_range_t, rg_len, 8);
SIZE(daos_array_iod_t, 32); AT(daos_array_iod_t, arr_nr, 0); AT(daos_array_iod_t, arr_rgs, 8);
AT(daos_array_iod_t, arr_nr_short_read, 16); AT(daos_array_iod_t, arr_nr_read, 24);
SIZE(daos_array_stbuf_t, 16); AT(daos_array_stbuf_t, st_size, 0); AT(daos_array_stbuf_t, st_max_epoch, 8);

/* daos_mgmt.h */
SIZE(daos_mgmt_pool_info_t, 40); AT(daos_mgmt_pool_info_t, mgpi_uuid, 0); AT(daos_mgmt_pool_info_t, mgpi_label, 16);
AT(daos_mgmt_pool_info_t, mgpi_svc, 24); AT(daos_mgmt_pool_info_t, mgpi_ldr, 32);

/* daos_fs.h */
SIZE(dfs_attr_t, 176); AT(dfs_attr_t, da_id, 0); AT(dfs_attr_t, da_chunk_size, 8); AT(dfs_attr_t, da_oclass_id, 16);
AT(dfs_attr_t, da_props, 24); AT(dfs_attr_t, da_mode, 32); AT(dfs_attr_t, da_dir_oclass_id, 36);
AT(dfs_attr_t, da_file_oclass_id, 40); AT(dfs_attr_t, da_hints, 44);
SIZE(dfs_iod_t, 16); AT(dfs_iod_t, iod_nr, 0); AT(dfs_iod_t, iod_rgs, 8);
SIZE(dfs_obj_info_t, 40); AT(dfs_obj_info_t, doi_oclass_id, 0); AT(dfs_obj_info_t, doi_chunk_size, 8);
AT(dfs_obj_info_t, doi_dir_oclass_id, 16); AT(dfs_obj_info_t, doi_file_oclass_id, 20); AT(dfs_obj_info_t, doi_oid, 24);
SIZE(dfs_predicate_t, 272); AT(dfs_predicate_t, dp_name, 0); AT(dfs_predicate_t, dp_newer, 256);
AT(dfs_predicate_t, dp_size, 264);

/* daos_uns.h */
SIZE(struct duns_attr_t, 480); AT(struct duns_attr_t, da_type, 0); AT(struct duns_attr_t, da_oclass_id, 4);
AT(struct duns_attr_t, da_chunk_size, 8); AT(struct duns_attr_t, da_props, 16); AT(struct duns_attr_t, da_flags, 24);
AT(struct duns_attr_t, da_pool, 28); AT(struct duns_attr_t, da_cont, 156); AT(struct duns_attr_t, da_sys, 288);
AT(struct duns_attr_t, da_rel_path, 296); AT(struct duns_attr_t, da_on_lustre, 304);
AT(struct duns_attr_t, da_no_prefix, 305); AT(struct duns_attr_t, da_puuid, 306); AT(struct duns_attr_t, da_cuuid, 322);
AT(struct duns_attr_t, da_dir_oclass_id, 340); AT(struct duns_attr_t, da_file_oclass_id, 344);
AT(struct duns_attr_t, da_hints, 348);

/* daos_pipeline.h */
SIZE(daos_filter_part_t, 112); AT(daos_filter_part_t, part_type, 0); AT(daos_filter_part_t, data_type, 24);
AT(daos_filter_part_t, num_operands, 48); AT(daos_filter_part_t, akey, 56); AT(daos_filter_part_t, num_constants, 80);
AT(daos_filter_part_t, constant, 88); AT(daos_filter_part_t, data_offset, 96); AT(daos_filter_part_t, data_len, 104);
SIZE(daos_filter_t, 40); AT(daos_filter_t, filter_type, 0); AT(daos_filter_t, num_parts, 24);
AT(daos_filter_t, parts, 32);
SIZE(daos_pipeline_t, 40); AT(daos_pipeline_t, version, 0); AT(daos_pipeline_t, num_filters, 8);
AT(daos_pipeline_t, filters, 16); AT(daos_pipeline_t, num_aggr_filters, 24); AT(daos_pipeline_t, aggr_filters, 32);
SIZE(daos_pipeline_stats_t, 24); AT(daos_pipeline_stats_t, nr_objs, 0); AT(daos_pipeline_stats_t, nr_dkeys, 8);
AT(daos_pipeline_stats_t, nr_akeys, 16);

/* daos_s3.h */
SIZE(struct ds3_user_info, 48); AT(struct ds3_user_info, name, 0); AT(struct ds3_user_info, email, 8);
AT(struct ds3_user_info, access_ids, 16); AT(struct ds3_user_info, access_ids_nr, 24);
AT(struct ds3_user_info, encoded, 32); AT(struct ds3_user_info, encoded_length, 40);
SIZE(struct ds3_bucket_info, 144); AT(struct ds3_bucket_info, name, 0); AT(struct ds3_bucket_info, encoded, 128);
AT(struct ds3_bucket_info, encoded_length, 136);
SIZE(struct ds3_object_info, 4112); AT(struct ds3_object_info, key, 0); AT(struct ds3_object_info, encoded, 4096);
AT(struct ds3_object_info, encoded_length, 4104);
SIZE(struct ds3_common_prefix_info, 4096); AT(struct ds3_common_prefix_info, prefix, 0);
SIZE(struct ds3_multipart_upload_info, 4152); AT(struct ds3_multipart_upload_info, upload_id, 0);
AT(struct ds3_multipart_upload_info, key, 35); AT(struct ds3_multipart_upload_info, encoded, 4136);
AT(struct ds3_multipart_upload_info, encoded_length, 4144);
SIZE(struct ds3_multipart_part_info, 24); AT(struct ds3_multipart_part_info, part_num, 0);
AT(struct ds3_multipart_part_info, encoded, 8); AT(struct ds3_multipart_part_info, encoded_length, 16);

/* daos_task.h */
SIZE(daos_set_params_t, 32); AT(daos_set_params_t, grp, 0); AT(daos_set_params_t, rank, 8);
AT(daos_set_params_t, key_id, 12); AT(daos_set_params_t, value, 16); AT(daos_set_params_t, value_extra, 24);
SIZE(daos_pool_connect_t, 56); AT(daos_pool_connect_t, uuid, 0); AT(daos_pool_connect_t, grp, 16);
AT(daos_pool_connect_t, flags, 24); AT(daos_pool_connect_t, poh, 32); AT(daos_pool_connect_t, info, 40);
AT(daos_pool_connect_t, pool, 48);
SIZE(daos_pool_disconnect_t, 8); AT(daos_pool_disconnect_t, poh, 0);
SIZE(daos_pool_update_t, 40); AT(daos_pool_update_t, uuid, 0); AT(daos_pool_update_t, grp, 16);
AT(daos_pool_update_t, svc, 24); AT(daos_pool_update_t, tgts, 32);
SIZE(struct daos_obj_register_class_t, 24); AT(struct daos_obj_register_class_t, coh, 0);
AT(struct daos_obj_register_class_t, cid, 8); AT(struct daos_obj_register_class_t, cattr, 16);
SIZE(daos_mgmt_pool_list_t, 24); AT(daos_mgmt_pool_list_t, grp, 0); AT(daos_mgmt_pool_list_t, pools, 8);
AT(daos_mgmt_pool_list_t, npools, 16);
SIZE(daos_pool_query_t, 32); AT(daos_pool_query_t, poh, 0); AT(daos_pool_query_t, ranks, 8);
AT(daos_pool_query_t, info, 16); AT(daos_pool_query_t, prop, 24);
SIZE(daos_pool_query_target_t, 24); AT(daos_pool_query_target_t, poh, 0); AT(daos_pool_query_target_t, tgt_idx, 8);
AT(daos_pool_query_target_t, rank, 12); AT(daos_pool_query_target_t, info, 16);
SIZE(daos_pool_list_cont_t, 24); AT(daos_pool_list_cont_t, poh, 0); AT(daos_pool_list_cont_t, ncont, 8);
AT(daos_pool_list_cont_t, cont_buf, 16);
SIZE(daos_pool_filter_cont_t, 32); AT(daos_pool_filter_cont_t, poh, 0); AT(daos_pool_filter_cont_t, filt, 8);
AT(daos_pool_filter_cont_t, ncont, 16); AT(daos_pool_filter_cont_t, cont_buf, 24);
SIZE(daos_pool_list_attr_t, 24); AT(daos_pool_list_attr_t, poh, 0); AT(daos_pool_list_attr_t, buf, 8);
AT(daos_pool_list_attr_t, size, 16);
SIZE(daos_pool_get_attr_t, 40); AT(daos_pool_get_attr_t, poh, 0); AT(daos_pool_get_attr_t, n, 8);
AT(daos_pool_get_attr_t, names, 16); AT(daos_pool_get_attr_t, values, 24); AT(daos_pool_get_attr_t, sizes, 32);
SIZE(daos_pool_set_attr_t, 40); AT(daos_pool_set_attr_t, poh, 0); AT(daos_pool_set_attr_t, n, 8);
AT(daos_pool_set_attr_t, names, 16); AT(daos_pool_set_attr_t, values, 24); AT(daos_pool_set_attr_t, sizes, 32);
SIZE(daos_pool_del_attr_t, 24); AT(daos_pool_del_attr_t, poh, 0); AT(daos_pool_del_attr_t, n, 8);
AT(daos_pool_del_attr_t, names, 16);
SIZE(daos_pool_replicas_t, 40); AT(daos_pool_replicas_t, uuid, 0); AT(daos_pool_replicas_t, group, 16);
AT(daos_pool_replicas_t, targets, 24); AT(daos_pool_replicas_t, failed, 32);
SIZE(daos_mgmt_get_bs_state_t, 32); AT(daos_mgmt_get_bs_state_t, grp, 0); AT(daos_mgmt_get_bs_state_t, uuid, 8);
AT(daos_mgmt_get_bs_state_t, state, 24);
SIZE(daos_pool_stop_svc_t, 8); AT(daos_pool_stop_svc_t, poh, 0);
SIZE(daos_cont_create_t, 40); AT(daos_cont_create_t, poh, 0); AT(daos_cont_create_t, uuid, 8);
AT(daos_cont_create_t, prop, 24); AT(daos_cont_create_t, cuuid, 32);
SIZE(daos_cont_open_t, 56); AT(daos_cont_open_t, poh, 0); AT(daos_cont_open_t, uuid, 8);
AT(daos_cont_open_t, flags, 24); AT(daos_cont_open_t, coh, 32); AT(daos_cont_open_t, info, 40);
AT(daos_cont_open_t, cont, 48);
SIZE(daos_cont_close_t, 8); AT(daos_cont_close_t, coh, 0);
SIZE(daos_cont_destroy_t, 40); AT(daos_cont_destroy_t, poh, 0); AT(daos_cont_destroy_t, uuid, 8);
AT(daos_cont_destroy_t, force, 24); AT(daos_cont_destroy_t, cont, 32);
SIZE(daos_cont_query_t, 24); AT(daos_cont_query_t, coh, 0); AT(daos_cont_query_t, info, 8);
AT(daos_cont_query_t, prop, 16);
SIZE(daos_cont_set_prop_t, 16); AT(daos_cont_set_prop_t, coh, 0); AT(daos_cont_set_prop_t, prop, 8);
SIZE(daos_cont_update_acl_t, 16); AT(daos_cont_update_acl_t, coh, 0); AT(daos_cont_update_acl_t, acl, 8);
SIZE(daos_cont_delete_acl_t, 24); AT(daos_cont_delete_acl_t, coh, 0); AT(daos_cont_delete_acl_t, type, 8);
AT(daos_cont_delete_acl_t, name, 16);
SIZE(daos_cont_aggregate_t, 16); AT(daos_cont_aggregate_t, coh, 0); AT(daos_cont_aggregate_t, epoch, 8);
SIZE(daos_cont_rollback_t, 16); AT(daos_cont_rollback_t, coh, 0); AT(daos_cont_rollback_t, epoch, 8);
SIZE(daos_cont_subscribe_t, 16); AT(daos_cont_subscribe_t, coh, 0); AT(daos_cont_subscribe_t, epoch, 8);
SIZE(daos_cont_list_attr_t, 24); AT(daos_cont_list_attr_t, coh, 0); AT(daos_cont_list_attr_t, buf, 8);
AT(daos_cont_list_attr_t, size, 16);
SIZE(daos_cont_get_attr_t, 40); AT(daos_cont_get_attr_t, coh, 0); AT(daos_cont_get_attr_t, n, 8);
AT(daos_cont_get_attr_t, names, 16); AT(daos_cont_get_attr_t, values, 24); AT(daos_cont_get_attr_t, sizes, 32);
SIZE(daos_cont_set_attr_t, 40); AT(daos_cont_set_attr_t, coh, 0); AT(daos_cont_set_attr_t, n, 8);
AT(daos_cont_set_attr_t, names, 16); AT(daos_cont_set_attr_t, values, 24); AT(daos_cont_set_attr_t, sizes, 32);
SIZE(daos_cont_del_attr_t, 24); AT(daos_cont_del_attr_t, coh, 0); AT(daos_cont_del_attr_t, n, 8);
AT(daos_cont_del_attr_t, names, 16);
SIZE(daos_cont_alloc_oids_t, 24); AT(daos_cont_alloc_oids_t, coh, 0); AT(daos_cont_alloc_oids_t, num_oids, 8);
AT(daos_cont_alloc_oids_t, oid, 16);
SIZE(daos_cont_list_snap_t, 40); AT(daos_cont_list_snap_t, coh, 0); AT(daos_cont_list_snap_t, nr, 8);
AT(daos_cont_list_snap_t, epochs, 16); AT(daos_cont_list_snap_t, names, 24); AT(daos_cont_list_snap_t, anchor, 32);
SIZE(daos_cont_create_snap_t, 32); AT(daos_cont_create_snap_t, coh, 0); AT(daos_cont_create_snap_t, opts, 8);
AT(daos_cont_create_snap_t, epoch, 16); AT(daos_cont_create_snap_t, name, 24);
SIZE(daos_cont_destroy_snap_t, 24); AT(daos_cont_destroy_snap_t, coh, 0); AT(daos_cont_destroy_snap_t, epr, 8);
SIZE(daos_cont_snap_oit_oid_get_t, 24); AT(daos_cont_snap_oit_oid_get_t, coh, 0);
AT(daos_cont_snap_oit_oid_get_t, epoch, 8); AT(daos_cont_snap_oit_oid_get_t, oid, 16);
SIZE(daos_cont_snap_oit_create_t, 24); AT(daos_cont_snap_oit_create_t, coh, 0);
AT(daos_cont_snap_oit_create_t, epoch, 8); AT(daos_cont_snap_oit_create_t, name, 16);
SIZE(daos_cont_snap_oit_destroy_t, 16); AT(daos_cont_snap_oit_destroy_t, coh, 0);
AT(daos_cont_snap_oit_destroy_t, epoch, 8);
SIZE(daos_tx_open_t, 24); AT(daos_tx_open_t, coh, 0); AT(daos_tx_open_t, th, 8); AT(daos_tx_open_t, flags, 16);
SIZE(daos_tx_commit_t, 16); AT(daos_tx_commit_t, th, 0); AT(daos_tx_commit_t, flags, 8);
SIZE(daos_tx_abort_t, 8); AT(daos_tx_abort_t, th, 0);
SIZE(daos_tx_open_snap_t, 24); AT(daos_tx_open_snap_t, coh, 0); AT(daos_tx_open_snap_t, epoch, 8);
AT(daos_tx_open_snap_t, th, 16);
SIZE(daos_tx_close_t, 8); AT(daos_tx_close_t, th, 0);
SIZE(daos_tx_restart_t, 8); AT(daos_tx_restart_t, th, 0);
SIZE(daos_obj_query_class_t, 24); AT(daos_obj_query_class_t, coh, 0); AT(daos_obj_query_class_t, cid, 8);
AT(daos_obj_query_class_t, cattr, 16);
SIZE(daos_obj_list_class_t, 24); AT(daos_obj_list_class_t, coh, 0); AT(daos_obj_list_class_t, clist, 8);
AT(daos_obj_list_class_t, anchor, 16);
SIZE(daos_obj_open_t, 40); AT(daos_obj_open_t, coh, 0); AT(daos_obj_open_t, oid, 8); AT(daos_obj_open_t, mode, 24);
AT(daos_obj_open_t, oh, 32);
SIZE(daos_obj_close_t, 8); AT(daos_obj_close_t, oh, 0);
SIZE(daos_obj_punch_t, 48); AT(daos_obj_punch_t, th, 0); AT(daos_obj_punch_t, oh, 8); AT(daos_obj_punch_t, dkey, 16);
AT(daos_obj_punch_t, akeys, 24); AT(daos_obj_punch_t, flags, 32); AT(daos_obj_punch_t, akey_nr, 40);
SIZE(daos_obj_query_t, 32); AT(daos_obj_query_t, oh, 0); AT(daos_obj_query_t, th, 8); AT(daos_obj_query_t, oa, 16);
AT(daos_obj_query_t, ranks, 24);
SIZE(daos_obj_query_key_t, 56); AT(daos_obj_query_key_t, oh, 0); AT(daos_obj_query_key_t, th, 8);
AT(daos_obj_query_key_t, dkey, 16); AT(daos_obj_query_key_t, akey, 24); AT(daos_obj_query_key_t, recx, 32);
AT(daos_obj_query_key_t, flags, 40); AT(daos_obj_query_key_t, max_epoch, 48);
SIZE(daos_obj_rw_t, 80); AT(daos_obj_rw_t, th, 0); AT(daos_obj_rw_t, oh, 8); AT(daos_obj_rw_t, flags, 16);
AT(daos_obj_rw_t, dkey, 24); AT(daos_obj_rw_t, nr, 32); AT(daos_obj_rw_t, extra_flags, 36); AT(daos_obj_rw_t, iods, 40);
AT(daos_obj_rw_t, sgls, 48); AT(daos_obj_rw_t, ioms, 56); AT(daos_obj_rw_t, extra_arg, 64);
AT(daos_obj_rw_t, csum_iov, 72);
SIZE(struct daos_obj_sync_args, 32); AT(struct daos_obj_sync_args, oh, 0); AT(struct daos_obj_sync_args, epoch, 8);
AT(struct daos_obj_sync_args, epochs_p, 16); AT(struct daos_obj_sync_args, nr, 24);
SIZE(daos_obj_list_t, 136); AT(daos_obj_list_t, oh, 0); AT(daos_obj_list_t, th, 8); AT(daos_obj_list_t, dkey, 16);
AT(daos_obj_list_t, akey, 24); AT(daos_obj_list_t, nr, 32); AT(daos_obj_list_t, kds, 40); AT(daos_obj_list_t, sgl, 48);
AT(daos_obj_list_t, size, 56); AT(daos_obj_list_t, type, 64); AT(daos_obj_list_t, recxs, 72);
AT(daos_obj_list_t, eprs, 80); AT(daos_obj_list_t, anchor, 88); AT(daos_obj_list_t, dkey_anchor, 96);
AT(daos_obj_list_t, akey_anchor, 104); AT(daos_obj_list_t, versions, 112); AT(daos_obj_list_t, csum, 120);
AT(daos_obj_list_t, incr_order, 128);
SIZE(daos_array_create_t, 56); AT(daos_array_create_t, coh, 0); AT(daos_array_create_t, oid, 8);
AT(daos_array_create_t, th, 24); AT(daos_array_create_t, cell_size, 32); AT(daos_array_create_t, chunk_size, 40);
AT(daos_array_create_t, oh, 48);
SIZE(daos_array_open_t, 64); AT(daos_array_open_t, coh, 0); AT(daos_array_open_t, oid, 8);
AT(daos_array_open_t, th, 24); AT(daos_array_open_t, mode, 32); AT(daos_array_open_t, open_with_attr, 36);
AT(daos_array_open_t, cell_size, 40); AT(daos_array_open_t, chunk_size, 48); AT(daos_array_open_t, oh, 56);
SIZE(daos_array_close_t, 8); AT(daos_array_close_t, oh, 0);
SIZE(daos_array_io_t, 32); AT(daos_array_io_t, oh, 0); AT(daos_array_io_t, th, 8); AT(daos_array_io_t, iod, 16);
AT(daos_array_io_t, sgl, 24);
SIZE(daos_array_get_size_t, 24); AT(daos_array_get_size_t, oh, 0); AT(daos_array_get_size_t, th, 8);
AT(daos_array_get_size_t, size, 16);
SIZE(daos_array_stat_t, 24); AT(daos_array_stat_t, oh, 0); AT(daos_array_stat_t, th, 8);
AT(daos_array_stat_t, stbuf, 16);
SIZE(daos_array_set_size_t, 24); AT(daos_array_set_size_t, oh, 0); AT(daos_array_set_size_t, th, 8);
AT(daos_array_set_size_t, size, 16);
SIZE(daos_array_destroy_t, 16); AT(daos_array_destroy_t, oh, 0); AT(daos_array_destroy_t, th, 8);
SIZE(daos_kv_open_t, 40); AT(daos_kv_open_t, coh, 0); AT(daos_kv_open_t, oid, 8); AT(daos_kv_open_t, mode, 24);
AT(daos_kv_open_t, oh, 32);
SIZE(daos_kv_close_t, 8); AT(daos_kv_close_t, oh, 0);
SIZE(daos_kv_destroy_t, 16); AT(daos_kv_destroy_t, oh, 0); AT(daos_kv_destroy_t, th, 8);
SIZE(daos_kv_get_t, 48); AT(daos_kv_get_t, oh, 0); AT(daos_kv_get_t, th, 8); AT(daos_kv_get_t, flags, 16);
AT(daos_kv_get_t, key, 24); AT(daos_kv_get_t, buf_size, 32); AT(daos_kv_get_t, buf, 40);
SIZE(daos_kv_put_t, 48); AT(daos_kv_put_t, oh, 0); AT(daos_kv_put_t, th, 8); AT(daos_kv_put_t, flags, 16);
AT(daos_kv_put_t, key, 24); AT(daos_kv_put_t, buf_size, 32); AT(daos_kv_put_t, buf, 40);
SIZE(daos_kv_remove_t, 32); AT(daos_kv_remove_t, oh, 0); AT(daos_kv_remove_t, th, 8); AT(daos_kv_remove_t, flags, 16);
AT(daos_kv_remove_t, key, 24);
SIZE(daos_kv_list_t, 48); AT(daos_kv_list_t, oh, 0); AT(daos_kv_list_t, th, 8); AT(daos_kv_list_t, nr, 16);
AT(daos_kv_list_t, kds, 24); AT(daos_kv_list_t, sgl, 32); AT(daos_kv_list_t, anchor, 40);
SIZE(daos_pipeline_run_t, 120); AT(daos_pipeline_run_t, oh, 0); AT(daos_pipeline_run_t, th, 8);
AT(daos_pipeline_run_t, pipeline, 16); AT(daos_pipeline_run_t, flags, 24); AT(daos_pipeline_run_t, dkey, 32);
AT(daos_pipeline_run_t, nr_iods, 40); AT(daos_pipeline_run_t, iods, 48); AT(daos_pipeline_run_t, anchor, 56);
AT(daos_pipeline_run_t, nr_kds, 64); AT(daos_pipeline_run_t, kds, 72); AT(daos_pipeline_run_t, sgl_keys, 80);
AT(daos_pipeline_run_t, sgl_recx, 88); AT(daos_pipeline_run_t, recx_size, 96); AT(daos_pipeline_run_t, sgl_agg, 104);
AT(daos_pipeline_run_t, stats, 112);

/* daos/tse.h */
SIZE(struct tse_task, 1024); AT(struct tse_task, dt_result, 0); AT(struct tse_task, dt_pad32, 4);
AT(struct tse_task, dt_private, 8);
SIZE(tse_sched_t, 400); AT(tse_sched_t, ds_result, 0); AT(tse_sched_t, ds_udata, 8); AT(tse_sched_t, ds_private, 16);

/* dfuse_ioctl.h */
SIZE(struct dfuse_il_reply, 64); AT(struct dfuse_il_reply, fir_version, 0); AT(struct dfuse_il_reply, fir_oid, 8);
AT(struct dfuse_il_reply, fir_pool, 24); AT(struct dfuse_il_reply, fir_cont, 40);
AT(struct dfuse_il_reply, fir_flags, 56);
SIZE(struct dfuse_hs_reply, 32); AT(struct dfuse_hs_reply, fsr_version, 0); AT(struct dfuse_hs_reply, fsr_pool_size, 8);
AT(struct dfuse_hs_reply, fsr_cont_size, 16); AT(struct dfuse_hs_reply, fsr_dfs_size, 24);
SIZE(struct dfuse_hsd_reply, 16); AT(struct dfuse_hsd_reply, fsr_version, 0);
AT(struct dfuse_hsd_reply, fsr_dobj_size, 8);
SIZE(struct dfuse_user_reply, 8); AT(struct dfuse_user_reply, uid, 0); AT(struct dfuse_user_reply, gid, 4);
SIZE(struct dfuse_mem_query, 48); AT(struct dfuse_mem_query, inode_count, 0); AT(struct dfuse_mem_query, fh_count, 8);
AT(struct dfuse_mem_query, pool_count, 16); AT(struct dfuse_mem_query, container_count, 24);
AT(struct dfuse_mem_query, ino, 32); AT(struct dfuse_mem_query, stat_count, 40); AT(struct dfuse_mem_query, found, 44);
SIZE(struct dfuse_stat, 24); AT(struct dfuse_stat, value, 0); AT(struct dfuse_stat, name, 8);

/* gurt/list.h */
SIZE(struct d_list_head, 16); AT(struct d_list_head, next, 0); AT(struct d_list_head, prev, 8);
SIZE(struct d_hlist_node, 16); AT(struct d_hlist_node, next, 0); AT(struct d_hlist_node, pprev, 8);
SIZE(struct d_hlist_head, 8); AT(struct d_hlist_head, first, 0);

/* gurt/hash.h */
SIZE(d_hash_table_ops_t, 64); AT(d_hash_table_ops_t, hop_key_cmp, 0); AT(d_hash_table_ops_t, hop_key_init, 8);
AT(d_hash_table_ops_t, hop_key_hash, 16); AT(d_hash_table_ops_t, hop_rec_hash, 24);
AT(d_hash_table_ops_t, hop_rec_addref, 32); AT(d_hash_table_ops_t, hop_rec_decref, 40);
AT(d_hash_table_ops_t, hop_rec_ndecref, 48); AT(d_hash_table_ops_t, hop_rec_free, 56);
SIZE(union d_hash_lock, 56); AT(union d_hash_lock, spin, 0); AT(union d_hash_lock, mutex, 0);
AT(union d_hash_lock, rwlock, 0);
SIZE(struct d_hash_bucket, 16); AT(struct d_hash_bucket, hb_head, 0);
SIZE(struct d_hash_table, 96); AT(struct d_hash_table, ht_lock, 0); AT(struct d_hash_table, ht_bits, 56);
AT(struct d_hash_table, ht_feats, 60); AT(struct d_hash_table, ht_priv, 64); AT(struct d_hash_table, ht_ops, 72);
AT(struct d_hash_table, ht_buckets, 80); AT(struct d_hash_table, ht_locks, 88);
SIZE(struct d_hlink_ops, 8); AT(struct d_hlink_ops, hop_free, 0);
SIZE(struct d_rlink, 24); AT(struct d_rlink, rl_link, 0); AT(struct d_rlink, rl_ref, 16);
SIZE(struct d_hlink, 40); AT(struct d_hlink, hl_link, 0); AT(struct d_hlink, hl_key, 24);
AT(struct d_hlink, hl_ops, 32);
SIZE(struct d_ulink_ops, 16); AT(struct d_ulink_ops, uop_free, 0); AT(struct d_ulink_ops, uop_cmp, 8);
SIZE(struct d_ulink, 48); AT(struct d_ulink, ul_link, 0); AT(struct d_ulink, ul_uuid, 24);
AT(struct d_ulink, ul_ops, 40);

/* gurt/slab.h */
SIZE(struct d_slab_reg, 48); AT(struct d_slab_reg, sr_init, 0); AT(struct d_slab_reg, sr_reset, 8);
AT(struct d_slab_reg, sr_release, 16); AT(struct d_slab_reg, sr_name, 24); AT(struct d_slab_reg, sr_size, 32);
AT(struct d_slab_reg, sr_offset, 36); AT(struct d_slab_reg, sr_max_desc, 40);
AT(struct d_slab_reg, sr_max_free_desc, 44);
SIZE(struct d_slab_type, 192); AT(struct d_slab_type, st_reg, 0); AT(struct d_slab_type, st_type_list, 48);
AT(struct d_slab_type, st_free_list, 64); AT(struct d_slab_type, st_pending_list, 80);
AT(struct d_slab_type, st_lock, 96); AT(struct d_slab_type, st_slab, 136); AT(struct d_slab_type, st_arg, 144);
AT(struct d_slab_type, st_count, 152); AT(struct d_slab_type, st_free_count, 156);
AT(struct d_slab_type, st_pending_count, 160); AT(struct d_slab_type, st_init_count, 164);
AT(struct d_slab_type, st_reset_count, 168); AT(struct d_slab_type, st_release_count, 172);
AT(struct d_slab_type, st_op_init, 176); AT(struct d_slab_type, st_op_reset, 180);
AT(struct d_slab_type, st_no_restock, 184); AT(struct d_slab_type, st_no_restock_hwm, 188);
SIZE(struct d_slab, 72); AT(struct d_slab, slab_list, 0); AT(struct d_slab, slab_arg, 16);
AT(struct d_slab, slab_lock, 24); AT(struct d_slab, slab_init, 64);

/* gurt/heap.h */
SIZE(struct d_binheap_node, 4); AT(struct d_binheap_node, chn_idx, 0);
SIZE(struct d_binheap_ops, 24); AT(struct d_binheap_ops, hop_enter, 0); AT(struct d_binheap_ops, hop_exit, 8);
AT(struct d_binheap_ops, hop_compare, 16);
SIZE(struct d_binheap, 112); AT(struct d_binheap, d_bh_feats, 56); AT(struct d_binheap, d_bh_nodes3, 64);
AT(struct d_binheap, d_bh_nodes2, 72); AT(struct d_binheap, d_bh_nodes1, 80); AT(struct d_binheap, d_bh_ops, 88);
AT(struct d_binheap, d_bh_priv, 96); AT(struct d_binheap, d_bh_nodes_cnt, 104); AT(struct d_binheap, d_bh_hwm, 108);
AT(struct d_binheap, d_bh_mutex, 0); AT(struct d_binheap, d_bh_rwlock, 0);

/* gurt/common.h */
SIZE(struct d_backoff_seq, 12); AT(struct d_backoff_seq, bos_flags, 0); AT(struct d_backoff_seq, bos_nzeros, 1);
AT(struct d_backoff_seq, bos_factor, 2); AT(struct d_backoff_seq, bos_max, 4); AT(struct d_backoff_seq, bos_next, 8);
SIZE(struct d_vec_pointers, 16); AT(struct d_vec_pointers, p_buf, 0); AT(struct d_vec_pointers, p_cap, 8);
AT(struct d_vec_pointers, p_len, 12);

/* gurt/dlog.h */
SIZE(struct dlog_fac, 24); AT(struct dlog_fac, fac_aname, 0); AT(struct dlog_fac, fac_lname, 8);
AT(struct dlog_fac, fac_mask, 16); AT(struct dlog_fac, is_enabled, 20);
SIZE(struct d_log_xstate, 32); AT(struct d_log_xstate, tag, 0); AT(struct d_log_xstate, dlog_facs, 8);
AT(struct d_log_xstate, nodename, 16); AT(struct d_log_xstate, fac_cnt, 24);
SIZE(struct d_debug_data, 24); AT(struct d_debug_data, dd_mask, 0); AT(struct d_debug_data, dd_prio_err, 8);
AT(struct d_debug_data, dbg_bit_cnt, 16); AT(struct d_debug_data, dbg_grp_cnt, 20);
SIZE(struct d_debug_priority, 24); AT(struct d_debug_priority, dd_name, 0); AT(struct d_debug_priority, dd_prio, 8);
AT(struct d_debug_priority, dd_name_size, 16);
SIZE(struct d_debug_bit, 40); AT(struct d_debug_bit, db_bit, 0); AT(struct d_debug_bit, db_name, 8);
AT(struct d_debug_bit, db_lname, 16); AT(struct d_debug_bit, db_name_size, 24);
AT(struct d_debug_bit, db_lname_size, 32);
SIZE(struct d_debug_grp, 24); AT(struct d_debug_grp, dg_name, 0); AT(struct d_debug_grp, dg_name_size, 8);
AT(struct d_debug_grp, dg_mask, 16);

/* gurt/fault_inject.h */
SIZE(struct d_fault_attr_t, 64); AT(struct d_fault_attr_t, fa_id, 0); AT(struct d_fault_attr_t, fa_interval, 4);
AT(struct d_fault_attr_t, fa_max_faults, 8); AT(struct d_fault_attr_t, fa_num_faults, 16);
AT(struct d_fault_attr_t, fa_num_hits, 24); AT(struct d_fault_attr_t, fa_argument, 32);
AT(struct d_fault_attr_t, fa_lock, 40); AT(struct d_fault_attr_t, fa_err_code, 44);
AT(struct d_fault_attr_t, fa_rand_state, 48); AT(struct d_fault_attr_t, fa_probability_x, 56);
AT(struct d_fault_attr_t, fa_probability_y, 60);

/* gurt/telemetry_common.h */
SIZE(struct d_tm_stats_t, 56); AT(struct d_tm_stats_t, dtm_min, 0); AT(struct d_tm_stats_t, dtm_max, 8);
AT(struct d_tm_stats_t, dtm_sum, 16); AT(struct d_tm_stats_t, std_dev, 24); AT(struct d_tm_stats_t, mean, 32);
AT(struct d_tm_stats_t, sum_of_squares, 40); AT(struct d_tm_stats_t, sample_size, 48);
SIZE(struct d_tm_bucket_t, 24); AT(struct d_tm_bucket_t, dtb_min, 0); AT(struct d_tm_bucket_t, dtb_max, 8);
AT(struct d_tm_bucket_t, dtb_bucket, 16);
SIZE(struct d_tm_histogram_t, 24); AT(struct d_tm_histogram_t, dth_buckets, 0);
AT(struct d_tm_histogram_t, dth_num_buckets, 8); AT(struct d_tm_histogram_t, dth_initial_width, 12);
AT(struct d_tm_histogram_t, dth_value_multiplier, 16);
SIZE(struct d_tm_meminfo_t, 32); AT(struct d_tm_meminfo_t, arena, 0); AT(struct d_tm_meminfo_t, ordblks, 8);
AT(struct d_tm_meminfo_t, uordblks, 16); AT(struct d_tm_meminfo_t, fordblks, 24);
SIZE(struct d_tm_metric_t, 64); AT(struct d_tm_metric_t, dtm_data, 0); AT(struct d_tm_metric_t, dtm_stats, 32);
AT(struct d_tm_metric_t, dtm_histogram, 40); AT(struct d_tm_metric_t, dtm_desc, 48);
AT(struct d_tm_metric_t, dtm_units, 56);
SIZE(struct d_tm_node_t, 88); AT(struct d_tm_node_t, dtn_child, 0); AT(struct d_tm_node_t, dtn_sibling, 8);
AT(struct d_tm_node_t, dtn_name, 16); AT(struct d_tm_node_t, dtn_type, 24); AT(struct d_tm_node_t, dtn_shmem_key, 28);
AT(struct d_tm_node_t, dtn_lock, 32); AT(struct d_tm_node_t, dtn_metric, 72); AT(struct d_tm_node_t, dtn_protect, 80);
AT(struct d_tm_node_t, dtn_readable, 81);
SIZE(struct d_tm_nodeList_t, 16); AT(struct d_tm_nodeList_t, dtnl_node, 0); AT(struct d_tm_nodeList_t, dtnl_next, 8);
